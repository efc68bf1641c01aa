package blackbox_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/tests/foreign"
)

// The tests rotate through tinyproxy, which shares no code with this module.

func TestRotatesThroughAProxyAndSendsItNothingButConnect(t *testing.T) {
	proxy := startTinyproxy(t, "")
	d := newProxiedDeployment(t, proxy.url())
	d.store(adminSecret, admin(d.user.LoginFields("")))
	d.store(tokenSecret, document(map[string]string{"adminSecretArn": adminSecret}))
	d.rotateTwice()

	vendor, err := url.Parse(d.vendor.URL)
	if err != nil {
		t.Fatal(err)
	}
	streams := proxy.received()
	if len(streams) == 0 {
		t.Fatal("the proxy saw no connection")
	}
	for _, stream := range streams {
		request, rest := readRequest(t, stream)
		if request.Method != http.MethodConnect || request.Host != vendor.Host || request.Header.Get("Authorization") != "" {
			t.Errorf("the proxy got %s %s %v; want CONNECT %s", request.Method, request.Host, request.Header, vendor.Host)
		}
		if !bytes.HasPrefix(rest, []byte{tlsHandshake, tlsMajor}) {
			t.Errorf("after CONNECT the proxy got %q; want TLS", rest[:min(len(rest), 8)])
		}
	}
	if calls := len(d.vendor.Calls()); calls == 0 {
		t.Error("the vendor got no call")
	}
}

func TestAProxyThatRefusesIsNamedAndNothingIsCreated(t *testing.T) {
	closed := "http://127.0.0.1:" + freePort(t)
	for name, c := range map[string]struct{ proxy, want string }{
		"refuses":      {startTinyproxy(t, "443").url(), "the proxy answered CONNECT with status 403"},
		"is not there": {closed, "no connection to the proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newProxiedDeployment(t, c.proxy)
			d.store(tokenSecret, document(d.user.LoginFields("")))
			_, failure := d.rotate()
			if !strings.Contains(failure, c.want) || !strings.Contains(failure, "check ENGAGE_PROXY_URL") {
				t.Errorf("error %q; want %q and the setting's name", failure, c.want)
			}
			if calls := d.vendor.Calls(); len(calls) != 0 {
				t.Errorf("the vendor got %v past the proxy", calls)
			}
		})
	}
}

// newProxiedDeployment starts a deployment whose vendor speaks TLS, so that its calls go through
// the proxy. The function trusts the vendor's certificate.
func newProxiedDeployment(t *testing.T, proxy string) *deployment {
	t.Helper()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	d := newDeployment(t, options{
		vendor: engagetest.Config{TLS: true},
		env:    map[string]string{"ENGAGE_PROXY_URL": proxy, "SSL_CERT_FILE": roots, "SSL_CERT_DIR": t.TempDir()},
	})
	// Without a request, which the vendor would count.
	connection, err := tls.Dial("tcp", strings.TrimPrefix(d.vendor.URL, "https://"),
		&tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	own := connection.ConnectionState().PeerCertificates[0]
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Raw})
	if err := os.WriteFile(roots, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// The first two bytes of a TLS connection.
const (
	tlsHandshake = 0x16
	tlsMajor     = 0x03
)

// readRequest returns the HTTP request at the beginning of a stream, and what follows it.
func readRequest(t *testing.T, stream []byte) (*http.Request, []byte) {
	t.Helper()
	reader := bufio.NewReader(bytes.NewReader(stream))
	request, err := http.ReadRequest(reader)
	if err != nil {
		t.Fatalf("the proxy got no request: %v", err)
	}
	rest, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return request, rest
}

// tinyproxy is a running proxy behind a relay that keeps what it is sent.
type tinyproxy struct {
	relay, proxy string // addresses

	mu      sync.Mutex
	streams []*bytes.Buffer
}

// startTinyproxy starts the proxy; port, if not empty, is the only one that CONNECT may name.
func startTinyproxy(t *testing.T, port string) *tinyproxy {
	t.Helper()
	program := foreign.Find(t, "tinyproxy")
	p := &tinyproxy{proxy: "127.0.0.1:" + freePort(t)}
	configuration := fmt.Sprintf("Listen 127.0.0.1\nPort %s\nAllow 127.0.0.1\nMaxClients 20\nTimeout 60\n",
		p.proxy[len("127.0.0.1:"):])
	if port != "" {
		configuration += "ConnectPort " + port + "\n"
	}
	path := filepath.Join(t.TempDir(), "tinyproxy.conf")
	if err := os.WriteFile(path, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "-d", "-c", path)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	p.awaitStart(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	p.relay = listener.Addr().String()
	go p.serve(listener)
	return p
}

func (p *tinyproxy) url() string { return "http://" + p.relay }

// awaitStart returns when the proxy accepts connections.
func (p *tinyproxy) awaitStart(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if c, err := net.Dial("tcp", p.proxy); err == nil {
			_ = c.Close()
			return
		}
		<-tick.C
	}
	t.Fatal("tinyproxy does not accept connections")
}

func (p *tinyproxy) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go p.pass(client)
	}
}

// pass connects a client with the proxy, and keeps what the client sends.
func (p *tinyproxy) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.proxy)
	if err != nil {
		return
	}
	stream := &bytes.Buffer{}
	p.mu.Lock()
	p.streams = append(p.streams, stream)
	p.mu.Unlock()
	go func() {
		defer func() { _ = server.Close() }()
		buffer := make([]byte, 16<<10)
		for {
			n, err := client.Read(buffer)
			p.mu.Lock()
			stream.Write(buffer[:n])
			p.mu.Unlock()
			if _, sendErr := server.Write(buffer[:n]); err != nil || sendErr != nil {
				return
			}
		}
	}()
	_, _ = io.Copy(client, server)
}

// received returns what each connection sent so far.
func (p *tinyproxy) received() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all [][]byte
	for _, stream := range p.streams {
		all = append(all, bytes.Clone(stream.Bytes()))
	}
	return all
}

// freePort returns a port of the loopback interface that nothing listens at.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
