package engagetest

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
)

// RoundTripper returns a transport that calls the server in the process, whatever scheme and host
// the request names. It returns [ErrDropped] for a dropped call. Like http.Transport it unpacks a
// gzip answer unless the request asked for one, and returns the context's error if the context ends
// first. It starts no goroutine and never uses the network.
func (s *Server) RoundTripper() http.RoundTripper { return roundTripper{s} }

type roundTripper struct{ server *Server }

// RoundTrip implements [http.RoundTripper].
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer, err := t.server.serve(r)
	if gone := r.Context().Err(); gone != nil {
		return nil, gone
	}
	if err != nil {
		return nil, err
	}
	return response(r, answer), nil
}

func response(r *http.Request, a *Answer) *http.Response {
	header := a.Header
	if !a.own {
		header = header.Clone()
	}
	if header == nil {
		header = http.Header{}
	}
	length := a.length()
	body := io.Reader(http.NoBody)
	if a.Body != nil {
		body = a.reader(r.Context())
	}
	if a.Length > 0 {
		length = a.Length
		body = &declared{body: body, left: a.Length}
	}
	if length >= 0 {
		header["Content-Length"] = []string{itoa(length)}
	}
	resp := &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, ContentLength: length, Body: io.NopCloser(body), Request: r,
	}
	if !a.own && header.Get("Content-Encoding") == "gzip" && r.Header.Get("Accept-Encoding") == "" {
		header.Del("Content-Encoding")
		header.Del("Content-Length")
		resp.ContentLength, resp.Uncompressed = -1, true
		resp.Body = io.NopCloser(&unpacker{packed: body})
	}
	return resp
}

// declared is a body that ends after the declared length, and with an error if it ends before.
type declared struct {
	body io.Reader
	left int64
}

func (d *declared) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > d.left {
		p = p[:d.left]
	}
	n, err := d.body.Read(p)
	d.left -= int64(n)
	if err == io.EOF && d.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// unpacker is a body that unpacks gzip.
type unpacker struct {
	packed io.Reader
	reader *gzip.Reader
}

func (u *unpacker) Read(p []byte) (int, error) {
	if u.reader == nil {
		reader, err := gzip.NewReader(u.packed)
		if err != nil {
			return 0, err
		}
		u.reader = reader
	}
	return u.reader.Read(p)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
