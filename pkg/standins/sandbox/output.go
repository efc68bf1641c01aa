package sandbox

import (
	"bytes"
	"sync"
)

// output stores the latest lines of a function.
type output struct {
	mu    sync.Mutex
	lines []string
	rest  []byte
	// observe is called with each whole line; nil: not called.
	observe func(line string)
}

// maxLines is how many lines of each function are stored at least.
const maxLines = 5000

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest = append(o.rest, p...)
	for {
		line, rest, found := bytes.Cut(o.rest, []byte("\n"))
		if !found {
			break
		}
		o.lines = append(o.lines, string(line))
		if o.observe != nil {
			o.observe(string(line))
		}
		o.rest = rest
	}
	if len(o.lines) > 2*maxLines {
		o.lines = append([]string(nil), o.lines[len(o.lines)-maxLines:]...)
	}
	return len(p), nil
}

// all returns the lines, an unfinished one included.
func (o *output) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := append([]string(nil), o.lines...)
	if len(o.rest) > 0 {
		lines = append(lines, string(o.rest))
	}
	return lines
}

func (o *output) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines, o.rest = nil, nil
}
