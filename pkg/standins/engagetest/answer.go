package engagetest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Answer is an HTTP answer.
type Answer struct {
	Status int
	Header http.Header // may be nil
	Body   io.Reader   // nil: none. Used once.
	// Length is the Content-Length to declare, right or wrong; 0: the body's own if that is known,
	// else none.
	Length int64

	own bool // made by the server for this call alone, so that its Header need not be copied
}

// Fault is what goes wrong with a call. The hook of [Config] is asked twice for each call, at the
// stages [Before] and [After], without a lock held: it may call the server's methods, and must be
// safe for concurrent use. A Fault is used once. The delay comes first, and ends early when the
// client goes away. A call that was only delayed has its effect: a server does not learn of its
// client's time-out.
type Fault struct {
	Delay  time.Duration
	Drop   bool    // resets the connection
	Answer *Answer // answers this: before, instead of the effect; after, instead of the true answer
}

// ErrDropped is what [Server.RoundTripper] returns for a dropped call: a connection reset by the
// peer.
var ErrDropped error = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// Drop resets the connection.
func Drop() *Fault { return &Fault{Drop: true} }

// Delay makes the call wait.
func Delay(d time.Duration) *Fault { return &Fault{Delay: d} }

// Respond answers a.
func Respond(a *Answer) *Fault { return &Fault{Answer: a} }

// Status answers with a status and a short text.
func Status(status int) *Fault { return Respond(Text(status, http.StatusText(status))) }

// Once returns a hook that breaks the nth call (from 1) of an operation with fault at a stage, and
// no other call.
func Once(operation Operation, nth int, stage Stage, fault *Fault) func(Call) *Fault {
	calls := make(chan int, 1)
	calls <- 0
	return func(c Call) *Fault {
		if c.Operation != operation || c.Stage != stage {
			return nil
		}
		n := <-calls + 1
		calls <- n
		if n != nth {
			return nil
		}
		return fault
	}
}

// String returns what the fault does, for logs.
func (f *Fault) String() string {
	var parts []string
	if f.Delay > 0 {
		parts = append(parts, "delay "+f.Delay.String())
	}
	switch {
	case f.Drop:
		parts = append(parts, "drop")
	case f.Answer != nil:
		parts = append(parts, "answer "+http.StatusText(f.Answer.Status))
	}
	return strings.Join(parts, ", ")
}

// Text answers plain text.
func Text(status int, text string) *Answer {
	return newAnswer(status, "text/plain;charset=UTF-8", text)
}

// JSON answers a JSON text.
func JSON(status int, text string) *Answer { return newAnswer(status, "application/json", text) }

func newAnswer(status int, contentType, body string) *Answer {
	return &Answer{Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: strings.NewReader(body)}
}

func newJSON(status int, value any) *Answer {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the types of this package always encode
	}
	return JSON(status, string(text))
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.serve(r)
	if err != nil {
		reset(w)
		return
	}
	header := w.Header()
	for name, values := range answer.Header {
		header[name] = values
	}
	if answer.Length > 0 {
		header["Content-Length"] = []string{itoa(answer.Length)}
	}
	w.WriteHeader(answer.Status)
	if answer.Body == nil {
		return
	}
	if answer.Length > 0 {
		answer.Body = io.LimitReader(answer.Body, answer.Length) // more would make net/http write nothing
	} else if answer.length() >= 0 {
		_, _ = io.Copy(w, answer.Body)
		return
	}
	stream(w, answer.reader(r.Context()))
}

// length returns the body's length, or -1 if it is not known.
func (a *Answer) length() int64 {
	switch body := a.Body.(type) {
	case nil:
		return 0
	case interface{ Len() int }:
		return int64(body.Len())
	}
	return -1
}

// stream writes the body as it is read, until it ends or the client has gone.
func stream(w http.ResponseWriter, body io.Reader) {
	control := http.NewResponseController(w)
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, failed := w.Write(buffer[:n]); failed != nil {
				return
			}
			if failed := control.Flush(); failed != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// patient is a body that waits before it returns something.
type patient interface {
	readContext(ctx context.Context, p []byte) (int, error)
}

// reader returns the body bound to the request's context.
func (a *Answer) reader(ctx context.Context) io.Reader { return &boundReader{ctx, a.Body} }

type boundReader struct {
	ctx  context.Context
	body io.Reader
}

func (r *boundReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if slow, ok := r.body.(patient); ok {
		return slow.readContext(r.ctx, p)
	}
	return r.body.Read(p)
}

// reset breaks the connection so that the client sees a reset, as far as the ResponseWriter allows
// it.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = secure.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetLinger(0))
	}
	_ = errors.Join(err, raw.Close())
}
