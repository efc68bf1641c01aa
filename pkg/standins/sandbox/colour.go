package sandbox

import (
	"os"
)

// palette colours text for a terminal; the zero palette leaves it plain.
type palette struct{ on bool }

// newPalette returns colours for a terminal, unless NO_COLOR is set (https://no-color.org) or the
// terminal is dumb.
func newPalette(out any, getenv func(string) string) palette {
	file, ok := out.(*os.File)
	if !ok || getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		return palette{}
	}
	info, err := file.Stat()
	return palette{err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p palette) paint(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) bold(text string) string  { return p.paint("1", text) }
func (p palette) dim(text string) string   { return p.paint("2", text) }
func (p palette) red(text string) string   { return p.paint("31", text) }
func (p palette) green(text string) string { return p.paint("32", text) }
func (p palette) blue(text string) string  { return p.paint("36", text) }
