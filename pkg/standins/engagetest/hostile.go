package engagetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The answers of a broken proxy, a wrong host or an attacker, for [Respond]. Each is for one call.

// HTML answers a web page, as proxies and portals do.
func HTML(status int) *Answer {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return newAnswer(status, "text/html;charset=UTF-8",
		"<!DOCTYPE html>\n<html><head><title>"+title+"</title></head><body><h1>"+title+"</h1></body></html>\n")
}

// Empty answers without a body.
func Empty(status int) *Answer { return &Answer{Status: status} }

// Redirect answers with a redirect: 307 and 308 make a careless client repeat the call, with its
// credentials, there.
func Redirect(status int, location string) *Answer {
	return &Answer{Status: status, Header: http.Header{"Location": {location}}}
}

// TooManyRequests answers 429; retryAfter is the header's text, "" for none.
func TooManyRequests(retryAfter string) *Answer {
	answer := newJSON(http.StatusTooManyRequests, problem{
		ErrorCode: "too.many.requests.exception", GeneralMessage: "Too many requests", RequestURI: "/",
	})
	if retryAfter != "" {
		answer.Header.Set("Retry-After", retryAfter)
	}
	return answer
}

// TokenList answers a list of the texts, tokens or not, as a JSON array.
func TokenList(texts ...string) *Answer { return newJSON(http.StatusOK, append([]string{}, texts...)) }

// ManyTokens answers a list of n well-formed tokens that do not exist, followed by the given ones.
func ManyTokens(n int, more ...string) *Answer {
	texts := make([]string, 0, n+len(more))
	for i := range n {
		texts = append(texts, fmt.Sprintf("aws80:00000000-0000-4000-8000-%012x", i))
	}
	return TokenList(append(texts, more...)...)
}

// Endless answers 200 and a body that repeats a text for ever, or as long as the client reads.
func Endless(text string) *Answer {
	if text != "" {
		text = strings.Repeat(text, 1+4096/len(text)) // few reads, much text
	}
	return &Answer{Status: http.StatusOK, Header: plainText(), Body: &endless{text: text}}
}

// EndlessToken answers a creation with a body that begins like a token and never ends.
func EndlessToken() *Answer { return Endless("aws80:c2353445-bc74-af1a-2850-1d55a371c0a9") }

type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.text == "" {
		return 0, io.EOF
	}
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

// Drip answers 200 and the text, one byte at a time.
func Drip(text string, every time.Duration) *Answer {
	return &Answer{Status: http.StatusOK, Header: plainText(), Body: &drip{text: text, every: every}}
}

type drip struct {
	text  string
	every time.Duration
}

func (d *drip) Read(p []byte) (int, error) { return d.readContext(context.Background(), p) }

func (d *drip) readContext(ctx context.Context, p []byte) (int, error) {
	if d.text == "" {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	sleep(ctx, d.every)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p[0], d.text = d.text[0], d.text[1:]
	return 1, nil
}

// WrongLength answers a text and declares another length: a longer one breaks off, a shorter one
// cuts the text.
func WrongLength(text string, declared int64) *Answer {
	answer := Text(http.StatusOK, text)
	answer.Length = declared
	return answer
}

// GzipBomb answers a small gzip body that unpacks to so many MiB.
func GzipBomb(mebibytes int) *Answer {
	var member bytes.Buffer
	writer := gzip.NewWriter(&member)
	if _, err := writer.Write(bytes.Repeat([]byte("a"), 1<<20)); err != nil {
		panic(err) // a bytes.Buffer takes what fits in memory
	}
	if err := writer.Close(); err != nil {
		panic(err)
	}
	header := plainText()
	header.Set("Content-Encoding", "gzip")
	// A gzip body may consist of any number of members.
	return &Answer{Status: http.StatusOK, Header: header, Body: bytes.NewReader(bytes.Repeat(member.Bytes(), mebibytes))}
}

func plainText() http.Header { return http.Header{"Content-Type": {"text/plain;charset=UTF-8"}} }
