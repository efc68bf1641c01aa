// Command sandbox runs the functions on this machine, between stand-ins for AWS and the vendor:
// `make run` and `make sandbox` start it. Package sandbox describes it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"engage-token-rotation/pkg/standins/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := sandbox.Main(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(status)
}
