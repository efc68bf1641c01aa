package lambdafn

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Handler answers invocations. It is safe for concurrent use.
type Handler struct {
	log    *slog.Logger
	handle func(ctx context.Context, payload []byte) (any, error)
}

var _ lambda.Handler = Handler{}

// Handler returns a handler that answers with what handle returns, as JSON, or with the function's
// Fault.
func (f *Function) Handler(handle func(ctx context.Context, payload []byte) (any, error)) Handler {
	if f.Fault != nil {
		handle = f.fail
	}
	return Handler{f.Log, handle}
}

// fail answers with the fault that was found at start.
func (f *Function) fail(ctx context.Context, _ []byte) (any, error) {
	f.Log.ErrorContext(ctx, "the function is not configured", "error", f.Fault.Error())
	return nil, f.Fault
}

// Invoke implements lambda.Handler. A panic becomes an error. The value of a panic may hold a
// secret, so that only the runtime's own errors are quoted; the stack, which is logged, holds no
// values.
func (h Handler) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, panicError(p)
			h.log.ErrorContext(ctx, err.Error(), "stack", string(debug.Stack()))
		}
	}()
	result, err := h.handle(ctx, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

func panicError(p any) error {
	const remedy = "this is a defect of the function; please report it with the logged stack"
	if e, ok := p.(runtime.Error); ok {
		return fmt.Errorf("panic: %w; %s", e, remedy)
	}
	return fmt.Errorf("panic with a %T; %s", p, remedy)
}

// RequestID returns the id of the invocation, or "" outside of one.
func RequestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}
