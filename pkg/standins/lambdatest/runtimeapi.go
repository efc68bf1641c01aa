package lambdatest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Headers of the Runtime API.
const (
	headerRequestID   = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline    = "Lambda-Runtime-Deadline-Ms"
	headerFunctionARN = "Lambda-Runtime-Invoked-Function-Arn"
	headerTraceID     = "Lambda-Runtime-Trace-Id"
	headerErrorType   = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody  = "Lambda-Runtime-Function-Error-Body"
)

// handler serves the Runtime API to the process.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func (e *environment) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", e.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response",
		func(w http.ResponseWriter, r *http.Request) { e.post(w, r, false) })
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error",
		func(w http.ResponseWriter, r *http.Request) { e.post(w, r, true) })
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", e.postInitError)
	return mux
}

// next marks the process as idle, and answers with the next invocation once there is one.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e.polled <- struct{}{}:
	default: // it asks again, on another connection
	}
	var i *invocation
	select {
	case i = <-e.work:
	case <-e.exited:
		return
	case <-r.Context().Done():
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set(headerRequestID, i.id)
	header.Set(headerDeadline, strconv.FormatInt(i.deadline.UnixMilli(), 10))
	header.Set(headerFunctionARN, e.function.config.FunctionARN)
	header.Set(headerTraceID, i.traceID)
	// The process may do anything once it has the payload: call Observe before.
	e.function.observe(InvocationSent, e.process.PID, i.id)
	_, _ = w.Write(i.payload)
}

// post receives the response or the error of the current invocation.
func (e *environment) post(w http.ResponseWriter, r *http.Request, failed bool) {
	e.mu.Lock()
	i := e.current
	e.mu.Unlock()
	if i == nil || i.id != r.PathValue("id") {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	if err != nil {
		return // the process has gone
	}
	answer := reply{payload: body, failed: failed, errorType: r.Header.Get(headerErrorType)}
	status := http.StatusAccepted
	switch {
	case len(body) > MaxPayload:
		message := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxPayload)
		answer = reply{payload: failure(i.id, TypeResponseTooLarge, message).Payload, failed: true}
		status = http.StatusRequestEntityTooLarge
	case r.Trailer.Get(headerErrorType) != "":
		// The function's response was a reader that failed: its error comes in the trailer.
		document, _ := base64.StdEncoding.DecodeString(r.Trailer.Get(trailerErrorBody))
		answer = reply{payload: document, failed: true, errorType: r.Trailer.Get(headerErrorType)}
	}
	select {
	case i.answer <- answer:
	default:
		refuse(w, http.StatusBadRequest, "InvalidStateTransition", "State transition is not allowed")
		return
	}
	e.function.observe(InvocationAnswered, e.process.PID, i.id)
	if status != http.StatusAccepted {
		refuse(w, status, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
		return
	}
	accept(w)
}

func (e *environment) postInitError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload))
	if err != nil {
		return
	}
	select {
	case e.initError <- reply{payload: body, failed: true, errorType: r.Header.Get(headerErrorType)}:
		accept(w)
	default:
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "State transition is not allowed")
	}
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": kind, "errorMessage": message})
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func newTraceID() string {
	var b [20]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), hex.EncodeToString(b[:12]),
		hex.EncodeToString(b[12:]))
}
