// Package handler is between the Lambda runtime and the work: it reads the event, tells logs and metrics what came of it,
// and turns a panic into an error that holds no secret.
package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"engage-token-rotation/pkg/internal/telemetry"
)

// Output is where a handler reports to.
type Output struct {
	Log     *slog.Logger
	Metrics *telemetry.Metrics
	// FunctionName is a dimension of the metrics.
	FunctionName string
}

// Handler answers an invocation; it implements lambda.Handler.
type Handler func(ctx context.Context, payload []byte) (any, error)

// Invoke implements lambda.Handler. A panic becomes an error: what was panicked with may hold anything, so that of it only
// the runtime's own errors are told, and the stack is logged, which has no values.
func (h Handler) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, panicError(p)
			slog.ErrorContext(ctx, err.Error(), "stack", string(debug.Stack()))
		}
	}()
	result, err := h(ctx, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

// Failing answers every invocation with an error that was met at start, so that whoever invokes learns of it.
func Failing(err error) Handler {
	return func(ctx context.Context, _ []byte) (any, error) {
		slog.ErrorContext(ctx, "the function is not set up", "error", err.Error())
		return nil, err
	}
}

func panicError(p any) error {
	const remedy = "this is a fault of the function; please report it with the logged stack"
	if e, ok := p.(runtime.Error); ok {
		return fmt.Errorf("panic: %w; %s", e, remedy)
	}
	return fmt.Errorf("panic with a %T; %s", p, remedy)
}

// RequestID names the invocation.
func RequestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}
