package bench_test

import (
	"bytes"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// listen puts the stand-ins behind sockets of the loopback interface and returns the environment of
// a function that calls them. With secure they use TLS, and the function trusts them besides the
// roots of this machine: about as many certificates as on Lambda.
func (sv *services) listen(secure bool) (environment map[string]string) {
	sv.t.Helper()
	serve := func(handler http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(sv.recorder.handler(handler))
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // a process may end while it connects
		if secure {
			s.StartTLS()
		} else {
			s.Start()
		}
		sv.close = append(sv.close, s.Close)
		return s
	}
	aws, vendor := serve(sv.aws), serve(sv.engage)
	sv.aws.URL = aws.URL
	environment = map[string]string{
		"AWS_ENDPOINT_URL": aws.URL, "ENGAGE_BASE_URL": vendor.URL, "RINGCENTRAL_BASE_URL": vendor.URL,
		"AWS_EC2_METADATA_DISABLED": "true", "TOKEN_SECRET_ID": tokenSecret,
	}
	if secure {
		environment["SSL_CERT_FILE"] = writeBundle(sv.t, aws, vendor)
	}
	return environment
}

// systemBundles are the distributions' files of all roots, Amazon Linux first.
var systemBundles = []string{"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt",
	"/etc/ssl/cert.pem"}

// writeBundle writes the machine's roots and the servers' certificates into one file.
func writeBundle(t testing.TB, servers ...*httptest.Server) string {
	t.Helper()
	var bundle bytes.Buffer
	for _, path := range systemBundles {
		if roots, err := os.ReadFile(path); err == nil {
			bundle.Write(roots)
			break
		}
	}
	for _, s := range servers {
		bundle.WriteString("\n")
		if err := pem.Encode(&bundle, &pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, bundle.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
