// Command cmd packs a release; `make release` runs it. Package release describes the files.
package main

import (
	"flag"
	"fmt"
	"os"

	"engage-token-rotation/pkg/internal/release"
)

func main() {
	var c release.Config
	flag.StringVar(&c.Root, "root", ".", "directory of the sources")
	flag.StringVar(&c.Bin, "bin", "bin", "directory of the binaries")
	flag.StringVar(&c.Bills, "bills", "bin/bills", "directory of the bills of materials")
	flag.StringVar(&c.Tag, "tag", "", "tag that is released")
	flag.StringVar(&c.Out, "out", "bin/release", "directory for the release")
	flag.Parse()
	if err := release.Pack(c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
