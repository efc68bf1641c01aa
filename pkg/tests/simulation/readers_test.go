package simulation

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/tokensource"
)

// readers are the programs that call the vendor with the tokens of the secrets. What they draw is apart from what the
// world draws, and they take no time: a history goes on as it would without them.
type readers struct {
	w      *world
	random *rand.Rand
	all    []*reader
	calls  int
}

// reader calls the vendor with one secret's token: either through package tokensource, which reads the secret again after
// a refusal, or with a token that it reads anew only when it has kept it for some time.
type reader struct {
	secret *managed
	keeps  time.Duration
	lag    time.Duration // how old its reads of the secret may be

	source    *tokensource.Source // nil: a plain cache
	transport *tokensource.Transport

	token  string // the plain cache's
	readAt time.Time
}

// vendorURL is where readers send their calls.
var vendorURL = &url.URL{Scheme: "https", Host: "engage.ringcentral.com"}

// newReaders makes the readers of all secrets. Those without package tokensource keep a token for as long as the retention
// at the most, and there are none where there is no retention. Reads right after a swap may give the previous token: with
// a retention that does no harm.
func newReaders(w *world) *readers {
	r := &readers{w: w, random: rand.New(rand.NewPCG(w.options.seed, 2))}
	for _, s := range w.secrets {
		for _, keeps := range []time.Duration{time.Second, 5 * time.Minute, 24 * time.Hour} {
			r.all = append(r.all, &reader{secret: s, keeps: keeps})
		}
		if w.retention > 0 {
			r.all = append(r.all, &reader{secret: s, keeps: w.retention / 3}, &reader{secret: s, keeps: w.retention})
		}
	}
	for n, reader := range r.all {
		if w.retention > 0 {
			reader.lag = time.Second
		}
		if w.retention == 0 || n%5 < 3 {
			r.start(reader)
		}
	}
	return r
}

// start starts a program that reads through package tokensource.
func (r *readers) start(reader *reader) {
	var err error
	reader.source, err = tokensource.New(tokensource.Config{
		Fetch: func(context.Context) (hidden.String, error) { return hidden.New(r.read(reader)), nil },
		TTL:   reader.keeps, RefreshAhead: -1, // whose time is drawn
	})
	if err != nil {
		panic(err)
	}
	if reader.transport, err = tokensource.NewTransport(reader.source, vendorURL, vendorOf{r.w}); err != nil {
		panic(err)
	}
}

// read reads the secret, perhaps as it was a moment ago.
func (r *readers) read(reader *reader) string {
	in := awstest.GetSecretValueInput{SecretId: reader.secret.arn, VersionStage: rotation.LabelCurrent}
	if reader.lag > 0 && r.random.IntN(2) == 0 {
		in.Stale = r.w.changesSince(reader.secret.arn, time.Duration(r.random.Int64N(int64(reader.lag))))
	}
	out, err := r.w.secretsManager.GetSecretValue(&in)
	if err != nil {
		panic(err)
	}
	if tokenIn(*out.SecretString) == "" { // from before the first rotation, when there are no readers yet
		return r.w.value(reader.secret.arn)
	}
	return *out.SecretString
}

// vendorOf answers the calls of readers: it knows each token from its creation to its deletion.
type vendorOf struct{ w *world }

// RoundTrip implements http.RoundTripper.
func (v vendorOf) RoundTrip(req *http.Request) (*http.Response, error) {
	status := http.StatusOK
	if !v.w.vendor.Alive(req.Header.Get(tokensource.Header)) {
		status = http.StatusUnauthorized
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: req}, nil
}

// everybody lets all readers of a secret make a call, those of all secrets where s is nil.
func (r *readers) everybody(s *managed) {
	if r == nil {
		return
	}
	for _, reader := range r.all {
		if s == nil || s == reader.secret {
			r.call(reader)
		}
	}
}

// begin lets the readers of a secret make a call before its rotation goes on; some of the programs have just been started.
func (r *readers) begin(s *managed) {
	if r == nil {
		return
	}
	for _, reader := range r.all {
		if s == reader.secret && r.random.IntN(2) == 0 {
			r.restart(reader)
		}
	}
	r.everybody(s)
}

// end stops the programs.
func (r *readers) end() {
	if r == nil {
		return
	}
	for _, reader := range r.all {
		if reader.source != nil {
			reader.source.Close()
		}
	}
}

func (r *readers) restart(reader *reader) {
	reader.token = ""
	if reader.source != nil {
		reader.source.Close()
		r.start(reader)
	}
}

// call makes a call, which must not fail while the token of AWSCURRENT works.
func (r *readers) call(reader *reader) {
	s := reader.secret
	if s.current == "" {
		return
	}
	r.calls++
	refused := r.send(reader)
	if refused == "" {
		return
	}
	if t := r.w.tokens[refused]; r.w.vendor.Alive(s.current) && !reader.mayMiss(t) {
		r.w.violate(cutOff, "a reader of %s that keeps a token for %v (tokensource: %t) was refused with %s", s, reader.keeps, reader.source != nil, t)
	}
	r.restart(reader) // as who looks after it does
}

// mayMiss reports whether the reader need not notice in time that the token is dead: where there is a retention that was
// not to be kept, or a person has deleted the token, a plain cache goes on with it, and so does whoever has just read the
// secret as it was a moment ago.
func (reader *reader) mayMiss(t *token) bool {
	return reader.lag > 0 && (t.endedEarly || t.removedByHand || t.died.Before(t.lastCurrent))
}

// send sends a call and returns the token that was refused in the end, or "".
func (r *readers) send(reader *reader) (refused string) {
	req := &http.Request{Method: http.MethodGet, URL: vendorURL, Header: http.Header{}}
	if reader.source == nil {
		if now := time.Now(); reader.token == "" || now.Sub(reader.readAt) > reader.keeps {
			reader.token, reader.readAt = tokenIn(r.read(reader)), now
		}
		req.Header.Set(tokensource.Header, reader.token)
		resp, err := vendorOf{r.w}.RoundTrip(req)
		return refusedBy(resp, err)
	}
	resp, err := reader.transport.RoundTrip(req)
	return refusedBy(resp, err)
}

func refusedBy(resp *http.Response, err error) string {
	switch {
	case err != nil:
		panic(err)
	case resp.StatusCode == http.StatusOK:
		return ""
	}
	return resp.Request.Header.Get(tokensource.Header)
}
