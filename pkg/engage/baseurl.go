package engage

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// ParseBaseURL reads a base URL: scheme, host and port, and nothing else but a trailing slash or
// "/api". It lower-cases the host and drops the scheme's own port, so that equal hosts compare
// equal. It refuses what could make one host look like another: user info, a trailing dot,
// characters outside ASCII, escapes, zones, queries, fragments. It does not decide whether the host
// may be called. Errors do not hold the text.
func ParseBaseURL(text string) (*url.URL, error) {
	if strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == '%' }) >= 0 {
		return nil, errors.New("holds white space, an escape, a backslash or a character outside ASCII; " +
			"give scheme, host and port alone")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL; give scheme, host and port alone")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("does not start with https://; give scheme, host and port alone")
	case u.User != nil:
		return nil, errors.New("holds user info in front of the host; give scheme, host and port alone")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return nil, errors.New("holds a query or a fragment; give scheme, host and port alone")
	case u.Path != "" && u.Path != "/" && u.Path != "/api" && u.Path != "/api/":
		return nil, errors.New("holds a path; give scheme, host and port alone")
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	switch {
	case host == "":
		return nil, errors.New("names no host; give scheme, host and port alone")
	case strings.HasSuffix(host, "."):
		return nil, errors.New("names a host with a trailing dot; give scheme, host and port alone")
	case strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_:") != "":
		return nil, errors.New("names a host with a character that host names do not have; there are no wildcards")
	case strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("names an empty port; give scheme, host and port alone")
	case port != "" && !isPort(port):
		return nil, errors.New("names no port from 1 to 65535; give scheme, host and port alone")
	}
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		port = ""
	}
	clean := &url.URL{Scheme: u.Scheme, Host: host}
	if strings.Contains(host, ":") {
		clean.Host = "[" + host + "]"
	}
	if port != "" {
		clean.Host = net.JoinHostPort(host, port)
	}
	return clean, nil
}

// isPort reports whether the text is a port from 1 to 65535, without leading zeros.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && text[0] != '0'
}
