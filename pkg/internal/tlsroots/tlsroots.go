// Package tlsroots loads, while a function starts, the certificates that TLS trusts. That takes
// some milliseconds of CPU. A starting function has a whole CPU; an invoked one of 128 MB has a
// fourteenth of one.
package tlsroots

import (
	"crypto/x509"
	"strings"
)

// Preload loads the system's roots for every later connection of the process. It does nothing if
// the endpoint is plain http, as a stand-in's is. nil or "" is the service's own endpoint.
func Preload(endpoint *string) {
	if endpoint == nil || !strings.HasPrefix(*endpoint, "http://") {
		_, _ = x509.SystemCertPool() // the first call returns the reason if this fails
	}
}
