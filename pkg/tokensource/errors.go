package tokensource

import "errors"

// The errors that a Source's errors wrap, besides [secret.ErrFormat] for an invalid document.
var (
	// ErrNoToken means that the secret holds a document without a token: it has not been rotated yet.
	ErrNoToken = errors.New("the secret holds no token yet; rotate it once")
	// ErrNotFound means that there is no such secret, or that it has no value.
	ErrNotFound = errors.New("the secret was not found, or has no value")
	// ErrDenied means that the program may not read the secret.
	ErrDenied = errors.New("reading the secret was denied")
	// ErrClosed means that the Source was closed.
	ErrClosed = errors.New("the token source is closed")
	// ErrForeignHost means that a request was not sent, because it was for another host than the
	// token's.
	ErrForeignHost = errors.New("the request is for another host than the token's")
)
