// Package tlsroots loads, while a function starts, the certificates that TLS trusts. That takes
// some milliseconds of CPU. A starting function has a whole CPU; an invoked one of 128 MB has a
// fourteenth of one.
package tlsroots

import (
	"crypto/x509"
	"strings"
)

// Preload loads the system's root certificates for all later connections of the process, unless the
// endpoint is plain http, as a stand-in's is. nil or "" means the service's own endpoint: https.
func Preload(endpoint *string) {
	if endpoint == nil || !strings.HasPrefix(*endpoint, "http://") {
		_, _ = x509.SystemCertPool() // if it fails, the first connection returns the error
	}
}
