package engage

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// reach watches how far a request gets: without a connection nothing was sent, whatever the error
// is. A transport that reports nothing, as those of tests, counts as having sent the request.
type reach struct{ asked, connected atomic.Bool }

func (r *reach) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { r.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { r.connected.Store(true) },
	})
}

func (r *reach) nothingSent() bool { return r.asked.Load() && !r.connected.Load() }
