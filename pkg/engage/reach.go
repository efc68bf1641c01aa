package engage

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// reach watches how far a request comes: without a connection nothing was sent, whatever the error says. A transport
// that tells nothing, as those of tests, counts as having sent.
type reach struct{ asked, connected atomic.Bool }

func (r *reach) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { r.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { r.connected.Store(true) },
	})
}

func (r *reach) nothingSent() bool { return r.asked.Load() && !r.connected.Load() }
