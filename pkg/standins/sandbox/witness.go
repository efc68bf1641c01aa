package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"engage-token-rotation/pkg/engage"
)

// witness stores every secret text that went over the wire, to search outputs for it.
type witness struct {
	mu    sync.Mutex
	texts map[string]string // what it is, by text
}

// see stores a secret. Short texts are left out, because they occur in any output by chance.
func (w *witness) see(kind string, texts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.texts == nil {
		w.texts = map[string]string{}
	}
	for _, text := range texts {
		if len(text) >= 6 {
			w.texts[text] = kind
		}
	}
}

// count returns how many secrets were seen.
func (w *witness) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.texts)
}

// leaks returns the kinds of secrets in an output, plain or in one of the usual encodings.
func (w *witness) leaks(output string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
	for text, kind := range w.texts {
		for _, form := range encodings(text) {
			if strings.Contains(output, form) {
				found = append(found, kind)
				break
			}
		}
	}
	return found
}

func encodings(text string) []string {
	quoted, _ := json.Marshal(text)
	inJSON := strings.Trim(string(quoted), `"`)
	return []string{text, inJSON, url.QueryEscape(text), url.PathEscape(text),
		strings.ReplaceAll(url.QueryEscape(text), "+", "%20")}
}

// watch stores the secrets in the vendor's answers.
func (w *witness) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		copied := &copyWriter{ResponseWriter: rw}
		next.ServeHTTP(copied, r)
		switch path := r.URL.Path; {
		case strings.Contains(path, "/auth/") || strings.Contains(path, "/oauth/"):
			w.seeLogin(copied.body.Bytes())
		case r.Method == http.MethodPost:
			if token, err := engage.ParseToken(strings.Trim(copied.body.String(), " \t\r\n\"")); err == nil {
				w.see("an API token", token.Reveal())
			}
		}
	})
}

func (w *witness) seeLogin(body []byte) {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	for field, kind := range map[string]string{
		"accessToken": "an access token", "refreshToken": "a refresh token", "authToken": "an access token",
		"access_token": "a platform token",
	} {
		if text, ok := answer[field].(string); ok {
			w.see(kind, text)
		}
	}
}

// copyWriter stores a copy of the first part of an answer.
type copyWriter struct {
	http.ResponseWriter
	body bytes.Buffer
}

const maxCopy = 1 << 20

func (c *copyWriter) Write(p []byte) (int, error) {
	c.body.Write(p[:min(len(p), maxCopy-c.body.Len())])
	return c.ResponseWriter.Write(p)
}

// Unwrap returns the writer below, for http.ResponseController.
func (c *copyWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
