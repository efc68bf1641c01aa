package engage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	opCreate   = "create token"
	opList     = "list tokens"
	opDelete   = "delete token"
	opAccounts = "get accounts"
)

// Create makes another permanent token. listed is the list of the user's tokens from right before:
// an answered token that it holds was not made by this call and is refused ([Disbelieved]). The
// request is sent again only if the first one had no effect for certain (no connection, 401 of an
// ended session, 429). If the outcome is unknown (no answer, 5xx, an answer that is not a new
// token), [OutcomeUnknown] reports so, and a token may exist that only List can find.
func (c *Client) Create(ctx context.Context, session *Session, listed []Token) (Token, error) {
	a, err := c.call(ctx, request{
		operation: opCreate, method: http.MethodPost, url: c.tokenURL(""), auth: session, once: true,
	})
	if err != nil {
		return Token{}, err
	}
	token, reason := parseCreated(a)
	if reason != "" {
		return Token{}, unusable(opCreate, a, reason)
	}
	if slices.Contains(listed, token) {
		return Token{}, &Error{Operation: opCreate, Host: a.host, Status: a.status,
			Disbelieved: true, OutcomeUnknown: true, Retryable: true,
			Reason: "the answer is " + token.String() + ", which the list before already held", Hint: hintAgain}
	}
	return token, nil
}

// List returns the permanent tokens of the user behind auth, in the vendor's order, each once. If
// auth is a Token, a list without that token is an error ([Disbelieved]). A list asked for with a
// Session is returned as it is: an empty one proves nothing by itself.
func (c *Client) List(ctx context.Context, auth Auth) ([]Token, error) {
	a, err := c.call(ctx, request{operation: opList, method: http.MethodGet, url: c.tokenURL(""), auth: auth})
	if err != nil {
		return nil, err
	}
	tokens, err := parseList(a)
	if err != nil {
		return nil, err
	}
	if token, ok := auth.(Token); ok && !slices.Contains(tokens, token) {
		return nil, &Error{Operation: opList, Host: a.host, Status: a.status, Disbelieved: true, Retryable: true,
			Reason: "the list lacks the token that it was asked for with", Hint: hintAgain}
	}
	return tokens, nil
}

// Account is one account that the user can reach.
type Account struct {
	AccountID     string
	AccountName   string
	MainAccountID string
}

// Accounts returns the accounts that the user behind auth can reach.
func (c *Client) Accounts(ctx context.Context, auth Auth) ([]Account, error) {
	a, err := c.call(ctx, request{
		operation: opAccounts, method: http.MethodGet, url: c.url(c.flow.api() + "/v1/admin/accounts"), auth: auth,
	})
	if err != nil {
		return nil, err
	}
	accounts := []Account{}
	err = eachEntry(a.body, func(decode func(any) error) error {
		var d struct {
			AccountID     looseString `json:"accountId"`
			AccountName   looseString `json:"accountName"`
			MainAccountID looseString `json:"mainAccountId"`
		}
		err := decode(&d)
		accounts = append(accounts, Account{string(d.AccountID), string(d.AccountName), string(d.MainAccountID)})
		if len(accounts) > maxAccounts {
			return errors.New("too many")
		}
		return err
	})
	if err != nil {
		return nil, unusable(opAccounts, a, "the answer is not a list of accounts")
	}
	return accounts, nil
}

// maxAccounts is the largest number of accounts in an answer: it bounds the memory for one of empty
// objects.
const maxAccounts = 10_000

// eachEntry reads a JSON array entry by entry, so that a wrong answer costs no more memory than its
// text. Nothing may follow the array.
func eachEntry(text []byte, entry func(decode func(any) error) error) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if open, err := decoder.Token(); err != nil || open != json.Delim('[') {
		return errors.New("no array")
	}
	for decoder.More() {
		if err := entry(decoder.Decode); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text follows")
	}
	return nil
}

// looseString accepts a string, a number or null.
type looseString string

func (s *looseString) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*s = looseString(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(data, &number); err != nil {
		return err
	}
	*s = looseString(number)
	return nil
}

func (c *Client) tokenURL(token string) string {
	address := c.url(c.flow.api() + "/v1/admin/token")
	if token != "" {
		address += "/" + strings.ReplaceAll(url.PathEscape(token), ":", "%3A")
	}
	return address
}

func (c *Client) call(ctx context.Context, r request) (answer, error) {
	r.attempts = c.config.Attempts
	if session, ok := r.auth.(*Session); ok {
		if err := session.ensure(ctx, c); err != nil {
			return answer{}, notSent(err)
		}
	}
	return c.do(ctx, r)
}

// parseCreated reads the answer to a creation. It is documented as bare text, and some clients see
// it JSON-quoted.
func parseCreated(a answer) (token Token, reason string) {
	text := strings.TrimSpace(string(a.body))
	if strings.HasPrefix(text, `"`) {
		var unquoted string
		if json.Unmarshal([]byte(text), &unquoted) != nil {
			return Token{}, "the answer is not a token"
		}
		text = strings.TrimSpace(unquoted)
	}
	token, err := ParseToken(text)
	if err != nil {
		return Token{}, "the answer is " + err.Error()
	}
	return token, ""
}

// parseList reads a list in its two forms: a JSON array of strings, and the braces of the vendor's
// page, { "a", "b" }, which are not JSON. It passes over an entry that cannot be a token: this
// product made none such, and an error would stop the rotation for it.
func parseList(a answer) ([]Token, error) {
	text := bytes.TrimSpace(a.body)
	if n := len(text); n >= 2 && text[0] == '{' && text[n-1] == '}' {
		members := bytes.TrimSuffix(bytes.TrimSpace(text[1:n-1]), []byte(","))
		text = slices.Concat([]byte("["), members, []byte("]"))
	}
	var entries []string
	if !bytes.HasPrefix(text, []byte("[")) || bytes.Count(text, []byte(",")) > maxEntries ||
		json.Unmarshal(text, &entries) != nil {
		return nil, unusable(opList, a, "the answer is not a list of tokens")
	}
	tokens, seen := []Token{}, map[Token]bool{}
	for _, entry := range entries {
		if len(entry) < MinTokenLength {
			continue // an error for each of many would cost too much
		}
		if token, err := ParseToken(entry); err == nil && !seen[token] {
			seen[token] = true
			tokens = append(tokens, token)
		}
	}
	if len(tokens) == 0 && len(entries) > 0 {
		return nil, unusable(opList, a, "no entry of the list can be a token")
	}
	return tokens, nil
}

// maxEntries is how many entries a list may have: a wrong answer, of many that are no tokens, costs
// no more memory than its text.
const maxEntries = MaxBodySize / MinTokenLength
