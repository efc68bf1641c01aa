package deploy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// askAPI starts the API of IvrHttp with SAM CLI and calls it as RingCX's HTTP request node does.
// SAM CLI does not check API keys.
func (l *localInvoker) askAPI(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, port, _ := net.SplitHostPort(address)
	c := l.sam.command(t, root, "local", "start-api", "--port", port, "--env-vars", l.env, "--skip-pull-image",
		"--parameter-overrides", "IvrHttp=api-key")
	c.Env = append(c.Env, "AWS_ACCESS_KEY_ID=AKIASANDBOXivr", "AWS_SECRET_ACCESS_KEY=sandbox",
		"AWS_ENDPOINT_URL="+l.b.AWSURL)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() string {
		_ = c.Process.Kill()
		_ = c.Wait()
		return output.String()
	}
	answer, err := getWhenUp("http://" + address + "/accounts?accountId=99990001")
	printed := stop()
	t.Logf("GET /accounts: %s", answer)
	var fields map[string]string
	if err != nil || json.Unmarshal(answer, &fields) != nil || fields["status"] != "ok" ||
		fields["accountId"] != "99990001" {
		t.Errorf("GET /accounts: %v: %s\n%s", err, answer, printed)
	}
	for _, s := range l.secrets {
		if strings.Contains(printed+string(answer), s) {
			t.Error("the answer or the output contains a secret")
		}
	}
}

// getWhenUp gets a page of a server that is about to listen.
func getWhenUp(url string) ([]byte, error) {
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		response, err := http.Get(url)
		if err != nil {
			if time.Now().Before(deadline) {
				continue
			}
			return nil, err
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		return body, err
	}
}
