package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

// Times of the readers.
const (
	// ReaderCache is how long the reader that caches keeps a token.
	ReaderCache = 15 * time.Second

	readerPause   = 250 * time.Millisecond // between two calls of a reader
	readerSeconds = 60                     // how far back the charts reach
)

// Reader counts the calls of a program that reads the token and calls Engage with it.
type Reader struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	Good    int    `json:"good"`
	Failed  int    `json:"failed"`
	// Seconds are the latest seconds, oldest first: good and failed calls.
	Seconds [][2]int `json:"seconds"`
}

// readers call Engage while a page is open. They run in the sandbox, without its listeners, so that
// the lists of calls are not full of them. It is safe for concurrent use.
type readers struct {
	mu      sync.Mutex
	pages   int
	stop    context.CancelFunc
	done    chan struct{}
	counted []*Reader
}

// watch starts the readers if no page was open. The caller calls leave once, when its page has
// gone.
func (r *readers) watch(s *Sandbox) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pages++; r.pages == 1 {
		var ctx context.Context
		ctx, r.stop = context.WithCancel(context.Background())
		r.done = make(chan struct{})
		go func(done chan struct{}) {
			defer close(done)
			for ctx.Err() == nil {
				r.read(ctx, s, s.services.Load())
			}
		}(r.done)
	}
	return r.leave
}

func (r *readers) leave() {
	r.mu.Lock()
	r.pages--
	last, stop, done := r.pages == 0, r.stop, r.done
	r.mu.Unlock()
	if last {
		stop()
		<-done
	}
}

// list returns the counts.
func (r *readers) list() []Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []Reader{}
	for _, reader := range r.counted {
		copied := *reader
		copied.Seconds = slices.Clone(reader.Seconds)
		list = append(list, copied)
	}
	return list
}

// reading is a running reader.
type reading struct {
	*Reader
	call func(context.Context) (ok, called bool)
}

// read lets new readers call until ctx ends or the services are replaced.
func (r *readers) read(ctx context.Context, s *Sandbox, sv *services) {
	transport := agentTransport{agentReader, sv.engage.RoundTripper()}
	client := secretsmanager.New(secretsmanager.Options{
		Region: Region, BaseEndpoint: aws.String("http://sandbox.invalid"),
		HTTPClient: &http.Client{Transport: sv.aws.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAREADER", SecretAccessKey: "sandbox"}, nil
		}),
	})
	list, end, err := newReadings(smsource.New(client, TokenSecret), s.EngageURL, transport)
	if err != nil {
		<-ctx.Done() // impossible: the address is that of a listener
		return
	}
	defer end()
	r.mu.Lock()
	r.counted = nil
	for _, reading := range list {
		r.counted = append(r.counted, reading.Reader)
	}
	r.mu.Unlock()
	ticker := time.NewTicker(readerPause)
	defer ticker.Stop()
	for second := time.Now().Unix(); s.services.Load() == sv; {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			r.next(now.Unix() - second)
			second = now.Unix()
			for _, reading := range list {
				ok, called := reading.call(ctx)
				r.count(reading.Reader, ok, called)
			}
		}
	}
}

// next begins new seconds.
func (r *readers) next(seconds int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range min(seconds, readerSeconds) {
		for _, reader := range r.counted {
			reader.Seconds = append(reader.Seconds[1:], [2]int{})
		}
	}
}

func (r *readers) count(reader *Reader, ok, called bool) {
	if !called {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	last := &reader.Seconds[len(reader.Seconds)-1]
	if ok {
		reader.Good++
		last[0]++
		return
	}
	reader.Failed++
	last[1]++
}

// newReadings returns the two kinds of readers. end frees what they use.
func newReadings(fetch tokensource.Fetch, address string, transport http.RoundTripper) (list []reading, end func(),
	err error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, nil, err
	}
	source, err := tokensource.New(tokensource.Config{Fetch: fetch, MinBackoff: readerPause, MaxBackoff: time.Second})
	if err != nil {
		return nil, nil, err
	}
	byItself, err := tokensource.NewTransport(source, base, transport)
	if err != nil {
		return nil, nil, err
	}
	end = func() { _ = source.Close() }
	caching := &cachingTransport{fetch: fetch, next: transport}
	newReader := func(name, meaning string) *Reader {
		return &Reader{Name: name, Meaning: meaning, Seconds: make([][2]int, readerSeconds)}
	}
	keeps := fmt.Sprintf("keeps the token for %d seconds, whatever Engage answers", int(ReaderCache.Seconds()))
	return []reading{
		{newReader("token source", "reads the secret again when Engage refuses the token (pkg/tokensource)"),
			func(ctx context.Context) (bool, bool) { return accounts(ctx, base, byItself) }},
		{newReader("plain cache", keeps),
			func(ctx context.Context) (bool, bool) { return accounts(ctx, base, caching) }},
	}, end, nil
}

// accounts makes a reader's call. called is false when the secret holds no token yet, or
// the call was cancelled.
func accounts(ctx context.Context, base *url.URL, transport http.RoundTripper) (ok, called bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		base.JoinPath("/voice/api/v1/admin/accounts").String(), http.NoBody)
	if err != nil {
		return false, false
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return false, !errors.Is(err, tokensource.ErrNoToken) && !errors.Is(err, context.Canceled)
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK, true
}

// cachingTransport sets a token that it keeps for ReaderCache. It is for one goroutine.
type cachingTransport struct {
	fetch tokensource.Fetch
	next  http.RoundTripper
	token engage.Token
	until time.Time
}

// RoundTrip implements http.RoundTripper.
func (c *cachingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if now := time.Now(); now.After(c.until) {
		token, err := c.read(r.Context())
		if err != nil {
			return nil, err
		}
		c.token, c.until = token, now.Add(ReaderCache)
	}
	r = r.Clone(r.Context())
	r.Header.Set(tokensource.Header, c.token.Reveal())
	return c.next.RoundTrip(r)
}

func (c *cachingTransport) read(ctx context.Context) (engage.Token, error) {
	text, err := c.fetch(ctx)
	if err != nil {
		return engage.Token{}, err
	}
	document, err := secret.Parse(text.Reveal())
	if err != nil {
		return engage.Token{}, err
	}
	token, err := document.Token()
	if err == nil && token.IsZero() {
		err = tokensource.ErrNoToken
	}
	return token, err
}
