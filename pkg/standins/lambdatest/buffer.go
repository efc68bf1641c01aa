package lambdatest

import (
	"bytes"
	"sync"
)

// Buffer keeps what is written to it. Unlike a bytes.Buffer it may be read, and written by others, while a function has it
// for its Stdout and Stderr. The zero value is empty.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns all that was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
