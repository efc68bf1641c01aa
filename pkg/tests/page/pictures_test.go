package page_test

import (
	"bytes"
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

var pictures = flag.String("pictures", "", "directory to write pictures of the page to, see make pictures")

// TestPictures takes pictures of the story that the page tells best: a creation whose answer is
// lost, beside AWS's published order; and of the static page.
func TestPictures(t *testing.T) {
	_, b := open(t, "#yardstick=true&call=createSecret/Engage/create/1&fault=lost-after")
	b.await("armed", `document.querySelector('#armed').innerText.includes('createSecret')`)
	rotate(b, 2, "rotate", "yardstick")
	b.await("readers", `document.querySelectorAll('.reader rect.good').length >= 12`)
	b.script(`document.querySelector('#message').textContent = ''; scrollTo(0, 0)`, nil)
	take(b, "page", 1300)
	b.open("file://" + staticPage(t))
	take(b, "run", 1000)
}

// take takes pictures at both widths, in light and dark: the wide ones of the top of the page, the
// narrow ones of all of it.
func take(b *browser, name string, height int) {
	b.t.Helper()
	for _, width := range []int{1280, 390} {
		for _, colours := range []string{"light", "dark"} {
			b.look(width, 900, colours)
			tall := height
			if width < 600 {
				b.script(`return document.documentElement.scrollHeight`, &tall)
			}
			data := b.picture(width, tall)
			shown, err := png.DecodeConfig(bytes.NewReader(data))
			if err != nil || shown.Width != width || shown.Height != tall {
				b.t.Errorf("a picture of %d by %d, want %d by %d: %v", shown.Width, shown.Height, width, tall, err)
			}
			if *pictures == "" {
				continue
			}
			path := filepath.Join(*pictures, name+"-"+strconv.Itoa(width)+"-"+colours+".png")
			if err := os.WriteFile(path, data, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// staticPage writes what `make run HTML=...` writes, and returns its path.
func staticPage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.html")
	config := sandbox.Config{Binaries: sandbox.FindBinaries(built.Functions(t)), HTML: path}
	var out bytes.Buffer
	if err := sandbox.Demo(t.Context(), config, &out, func(string) string { return "" }); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return path
}

// The static page shows the three rotations, and needs nothing else than itself.
func TestTheStaticPageShowsTheRun(t *testing.T) {
	b := startBrowser(t)
	address := "file://" + staticPage(t)
	b.open(address)
	var runs, buttons int
	b.script(`return document.querySelectorAll('#timeline details[open].good').length`, &runs)
	b.script(`return [...document.querySelectorAll('button, select')].filter((e) => e.checkVisibility()).length`, &buttons)
	if runs != 3 || buttons != 0 {
		t.Errorf("it shows %d rotations that succeeded and %d controls, want 3 and none", runs, buttons)
	}
	counts(b, "rotate", map[string]int{"current": 1, "foreign": 2})
	wellBehaved(b, address)
}
