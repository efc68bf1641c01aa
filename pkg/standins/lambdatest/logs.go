package lambdatest

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"sync"
	"time"
)

// pump copies from a pipe, to which the processes write, to a writer. flush writes a mark into the
// same pipe and waits until it arrives at the other end, where it is removed: everything before it
// has then arrived.
type pump struct {
	in      *os.File // what the process writes to
	out     *os.File
	to      io.Writer
	tail    *tail
	lock    *sync.Mutex // of to
	mark    []byte
	flushed chan struct{}
	done    chan struct{}
}

func newPump(to io.Writer, tail *tail, lock *sync.Mutex) (*pump, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &pump{
		in: in, out: out, to: to, tail: tail, lock: lock, mark: make([]byte, 18),
		flushed: make(chan struct{}, 1), done: make(chan struct{}),
	}
	_, _ = rand.Read(p.mark[1:]) // never fails
	go p.run()
	return p, nil
}

func (p *pump) run() {
	defer close(p.done)
	var pending []byte
	buffer := make([]byte, 32<<10)
	for {
		n, err := p.out.Read(buffer)
		pending = append(pending, buffer[:n]...)
		for {
			before, after, found := bytes.Cut(pending, p.mark)
			if !found {
				break
			}
			p.write(before)
			pending = after
			select {
			case p.flushed <- struct{}{}:
			default:
			}
		}
		if err != nil {
			p.write(pending)
			return
		}
		keep := startOf(p.mark, pending)
		p.write(pending[:len(pending)-keep])
		pending = append(buffer[:0:0], pending[len(pending)-keep:]...)
	}
}

// startOf returns how many bytes at the end of text may be the start of the mark.
func startOf(mark, text []byte) int {
	for n := min(len(mark)-1, len(text)); n > 0; n-- {
		if bytes.HasSuffix(text, mark[:n]) {
			return n
		}
	}
	return 0
}

func (p *pump) write(text []byte) {
	if len(text) == 0 {
		return
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	p.tail.add(text)
	_, _ = p.to.Write(text) // a writer that fails does not fail the function
}

// flush waits until everything that was written has arrived.
func (p *pump) flush() {
	if _, err := p.in.Write(p.mark); err != nil {
		return
	}
	select {
	case <-p.flushed:
	case <-p.done:
	}
}

// grace is how long the pipe of an ended process is read if another process still has it open.
const grace = time.Second

// close copies the rest and ends the pump. The process has ended.
func (p *pump) close() {
	_ = p.in.Close()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
	_ = p.out.Close()
	<-p.done
}

// tail keeps the last bytes written.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// maxTail is as much as the service's log tail.
const maxTail = 4 << 10

func (t *tail) add(text []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, text...)
	if len(t.text) > maxTail {
		t.text = append([]byte(nil), t.text[len(t.text)-maxTail:]...)
	}
}

func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.text)
}
