// Package ivr answers a contact flow: which accounts can the current API token reach? It is a
// sample of an IVR integration that reads the rotated secret, with an answer that an Amazon Connect
// flow can use, or RingCX's HTTP request node through API Gateway: the query's accountId is then
// the parameter, and the answer is the body.
//
// The answer is a flat map of strings, far below Connect's limit of 32 kB, and is sent within
// Connect's longest time limit for a function, 8 seconds. After a failure too it is such a map,
// with a status that the flow can branch on: never an error payload, a stack or a secret. The
// details of the failure are in the log.
package ivr

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
	"unicode/utf8"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/tokensource"
)

// DefaultLimit is how long an answer takes at most: Connect waits 8 seconds, and Lambda and the
// network need some of them.
const DefaultLimit = 7 * time.Second

// deadlineMargin is the part of the invocation's time that is kept for the answer.
const deadlineMargin = 300 * time.Millisecond

// Config configures a Handler.
type Config struct {
	// Source returns the current token. Required unless Fault is set.
	Source *tokensource.Source
	// Endpoint returns the host and login flow of the secret's token. Required unless Fault is set.
	Endpoint func(*secret.Document) (engage.Endpoint, error)
	// Transport carries the calls to Engage; nil means engage.NewTransport(). It must not follow
	// redirects by itself.
	Transport http.RoundTripper
	// Log gets one line for each answer; nil logs nothing.
	Log *slog.Logger
	// Answered, if not nil, is called with each answer before it is returned. It must be safe for
	// concurrent use.
	Answered func(Answer)
	// Limit bounds an answer, besides the invocation's deadline; zero means DefaultLimit.
	Limit time.Duration
	// Fault, if not nil, is an invalid setting found at start. Each answer then has the status
	// misconfigured; a function that ended at start would give the flow an error.
	Fault error
}

// Handler answers invocations; it implements lambda.Handler of aws-lambda-go. It is safe for
// concurrent use.
type Handler struct{ config Config }

// New returns a Handler.
func New(config Config) *Handler {
	if config.Transport == nil {
		config.Transport = engage.NewTransport()
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Limit == 0 {
		config.Limit = DefaultLimit
	}
	return &Handler{config}
}

// event is the part of Amazon Connect's event, or of API Gateway's, that is read; all of it may be
// missing.
type event struct {
	httpEvent
	Details struct {
		ContactData struct {
			ContactID string `json:"ContactId"`
		}
		Parameters struct {
			// AccountID asks for one account; if it is empty, the answer is the first one.
			AccountID string `json:"accountId"`
		}
	}
}

// Invoke answers one event. The error is always nil.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	started := time.Now()
	ctx, cancel := h.bound(ctx)
	defer cancel()
	var e event
	answer, err := h.answer(ctx, payload, &e)
	h.log(ctx, e, answer, err, time.Since(started))
	if h.config.Answered != nil {
		h.config.Answered(answer)
	}
	body, err := json.Marshal(answer.fields())
	if err == nil && e.isHTTP() {
		return httpAnswer(body)
	}
	return body, err
}

// accountID returns the account that the flow asks for, or "" for the first one.
func (e event) accountID() string {
	if e.isHTTP() {
		return e.QueryStringParameters.AccountID
	}
	return e.Details.Parameters.AccountID
}

// id identifies the call in the log.
func (e event) id() slog.Attr {
	if e.isHTTP() {
		return slog.String("requestId", cut(e.RequestContext.RequestID, 64))
	}
	return slog.String("contactId", cut(e.Details.ContactData.ContactID, 64))
}

func (h *Handler) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := h.config.Limit
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)-deadlineMargin)
	}
	return context.WithTimeout(ctx, limit)
}

// answer also returns the error to log.
func (h *Handler) answer(ctx context.Context, payload []byte, e *event) (a Answer, err error) {
	defer func() {
		if value := recover(); value != nil {
			a, err = Answer{Status: StatusError, Reason: "internal"}, panicError(value)
		}
	}()
	if len(payload) > 0 {
		if err := json.Unmarshal(payload, e); err != nil {
			return Answer{Status: StatusMisconfigured, Reason: "event"},
				fmt.Errorf("the event is neither Amazon Connect's nor API Gateway's: %T", err)
		}
	}
	if h.config.Fault != nil {
		return Answer{Status: StatusMisconfigured, Reason: "setting"}, h.config.Fault
	}
	accounts, err := h.accounts(ctx)
	if err != nil {
		return failure(err), err
	}
	return choose(accounts, e.accountID()), nil
}

// accounts asks Engage. The endpoint is read each time, because an edit of the secret may change
// it.
func (h *Handler) accounts(ctx context.Context) ([]engage.Account, error) {
	document, err := h.config.Source.Document(ctx)
	if err != nil {
		return nil, err
	}
	endpoint, err := h.config.Endpoint(document)
	if err != nil {
		return nil, err
	}
	transport, err := tokensource.NewTransport(h.config.Source, endpoint.BaseURL, h.config.Transport)
	if err != nil {
		return nil, err
	}
	token, err := h.config.Source.Token(ctx)
	if err != nil {
		return nil, err
	}
	client := engage.New(engage.Config{Endpoint: endpoint, Transport: transport, Attempts: 2,
		CallTimeout: h.config.Limit / 2})
	return client.Accounts(ctx, token)
}

func choose(accounts []engage.Account, wanted string) Answer {
	for _, account := range accounts {
		if wanted == "" || account.AccountID == wanted {
			return Answer{Status: StatusOK, Account: account, Accounts: len(accounts)}
		}
	}
	return Answer{Status: StatusNotFound, Reason: "account", Accounts: len(accounts)}
}

func (h *Handler) log(ctx context.Context, e event, a Answer, err error, took time.Duration) {
	level := slog.LevelInfo
	attributes := []slog.Attr{
		e.id(),
		slog.String("outcome", string(a.Status)),
		slog.Int64("durationMs", took.Milliseconds()),
	}
	if err != nil {
		level = slog.LevelError
		attributes = append(attributes, slog.String("reason", a.Reason), slog.String("error", err.Error()))
	}
	h.config.Log.LogAttrs(ctx, level, "ivr", attributes...)
}

// panicError returns the stack, and the panic's text only if it is the runtime's own: another value
// may hold a secret.
func panicError(value any) error {
	text := fmt.Sprintf("%T", value)
	if e, ok := value.(runtime.Error); ok {
		text = e.Error()
	}
	return fmt.Errorf("panic: %s\n%s", text, debug.Stack())
}

// cut shortens text to at most n bytes without breaking a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

func (a Answer) count() string { return strconv.Itoa(a.Accounts) }
