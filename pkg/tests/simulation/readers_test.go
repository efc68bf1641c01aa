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
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/tokensource"
)

// readers are the programs that call the vendor with the tokens of the secrets. What they draw is
// apart from what the history draws, and they take no time: a history goes on as it would without
// them.
type readers struct {
	h      *history
	random *rand.Rand
	all    []*reader
}

// reader calls the vendor with one secret's token: either through package tokensource, which reads
// the secret again after a refusal, or with a token that it reads anew only when it has kept it for
// some time.
type reader struct {
	secret *managed
	keeps  time.Duration
	lag    time.Duration // how old its reads of the secret may be
	plain  bool          // it is a plain cache

	source    *tokensource.Source // nil: a plain cache
	transport *tokensource.Transport

	token  string // the plain cache's
	readAt time.Time
}

// vendorURL is where readers send their calls.
var vendorURL = &url.URL{Scheme: "https", Host: "engage.ringcentral.com"}

// newReaders makes the readers of all secrets. Those without package tokensource keep a token for
// as long as the retention at the most; without a retention no such reader is made. Reads right
// after a swap may give the previous token: with a retention that does no harm.
func newReaders(h *history) *readers {
	r := &readers{h: h, random: rand.New(rand.NewPCG(h.options.seed, 2))}
	for _, s := range h.secrets {
		for _, keeps := range []time.Duration{time.Second, 5 * time.Minute, 24 * time.Hour} {
			r.all = append(r.all, &reader{secret: s, keeps: keeps})
		}
		if kept := s.stack.retention; kept > 0 {
			r.all = append(
				r.all,
				&reader{secret: s, keeps: kept / 3, plain: true},
				&reader{secret: s, keeps: kept, plain: true},
			)
		}
	}
	for _, reader := range r.all {
		if reader.secret.stack.retention > 0 {
			reader.lag = time.Second
		}
		if !reader.plain {
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
	if reader.transport, err = tokensource.NewTransport(reader.source, vendorURL, vendorOf{r.h}); err != nil {
		panic(err)
	}
}

// read reads the secret, perhaps as it was a moment ago.
func (r *readers) read(reader *reader) string {
	in := awstest.GetSecretValueInput{SecretId: reader.secret.arn, VersionStage: labelCurrent}
	if reader.lag > 0 && r.random.IntN(2) == 0 {
		in.Stale = r.h.changesSince(reader.secret.arn, time.Duration(r.random.Int64N(int64(reader.lag))))
	}
	out, err := r.h.secretsManager.GetSecretValue(&in)
	// From when the secret was scheduled for deletion, or before its first rotation, when there are no
	// readers yet.
	if err != nil || tokenIn(*out.SecretString) == "" {
		return r.h.value(reader.secret.arn)
	}
	return *out.SecretString
}

// vendorOf answers the calls of readers: it knows each token from its creation to its deletion.
type vendorOf struct{ h *history }

// RoundTrip implements http.RoundTripper.
func (v vendorOf) RoundTrip(req *http.Request) (*http.Response, error) {
	status := http.StatusOK
	if !v.h.vendor.Alive(req.Header.Get(tokensource.Header)) {
		status = http.StatusUnauthorized
	}
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{},
		Body:       io.NopCloser(strings.NewReader("")),
		Request:    req,
	}, nil
}

// after lets the readers make a call that a token's deletion may concern.
func (r *readers) after(t *token) {
	if r == nil {
		return
	}
	for _, reader := range r.all {
		if s := reader.secret; s == t.secret || s == t.lastOf || s.current == t.text || s == t.copiedTo {
			r.call(reader)
		}
	}
}

// restarts is how often a program is started anew before a rotation goes on.
const restarts = 0.25

// begin lets the readers of a secret make a call before its rotation goes on; some of the programs
// have just been started.
func (r *readers) begin(s *managed) {
	if r == nil {
		return
	}
	for _, reader := range r.all {
		if s != reader.secret {
			continue
		}
		if r.random.Float64() < restarts {
			r.restart(reader)
		}
		r.call(reader)
	}
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
	if s.current == "" || !s.present() {
		return
	}
	r.h.reads++
	refused := r.send(reader)
	if refused == "" {
		return
	}
	r.h.checkReader(reader, refused)
	r.restart(reader) // as who looks after it does
}

// send sends a call and returns the token that was refused in the end, or "".
func (r *readers) send(reader *reader) (refused string) {
	req := &http.Request{Method: http.MethodGet, URL: vendorURL, Header: http.Header{}}
	if reader.source == nil {
		if now := time.Now(); reader.token == "" || now.Sub(reader.readAt) > reader.keeps {
			reader.token, reader.readAt = tokenIn(r.read(reader)), now
		}
		req.Header.Set(tokensource.Header, reader.token)
		resp, err := vendorOf{r.h}.RoundTrip(req)
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
