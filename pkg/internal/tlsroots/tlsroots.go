// Package tlsroots loads the certificates that TLS trusts while a function starts. That costs some milliseconds of CPU,
// which Lambda gives in full to a function that starts, and at 128 MB to a fourteenth to one that is invoked.
package tlsroots

import (
	"crypto/x509"
	"strings"
)

// Preload loads the system's roots for every later connection of the process. A stand-in that endpoint names, and that
// is reached without TLS, needs none; nil or "" is the service itself.
func Preload(endpoint *string) {
	if endpoint == nil || !strings.HasPrefix(*endpoint, "http://") {
		_, _ = x509.SystemCertPool() // a failure shows, with its reason, in the first call
	}
}
