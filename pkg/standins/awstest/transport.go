package awstest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"syscall"
)

// Transport returns a transport that calls the server in the process, without a socket or a
// goroutine. A broken connection gives the same error as a real one.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(request *http.Request) (response *http.Response, err error) {
	if request.Body == nil {
		request.Body = http.NoBody
	}
	defer func() { _ = request.Body.Close() }()
	defer func() {
		if broken := recover(); broken == http.ErrAbortHandler {
			response, err = nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		} else if broken != nil {
			panic(broken)
		}
	}()
	writer := &answerWriter{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(writer, request)
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(writer.status), StatusCode: writer.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: writer.header, Body: io.NopCloser(&writer.body), ContentLength: int64(writer.body.Len()), Request: request,
	}, nil
}

type answerWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answerWriter) Header() http.Header         { return w.header }
func (w *answerWriter) WriteHeader(status int)      { w.status = status }
func (w *answerWriter) Write(p []byte) (int, error) { return w.body.Write(p) }
