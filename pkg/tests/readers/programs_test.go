package readers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/standins/sandbox"
	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

const clients = "../../tokensource/clients/"

// program is a running program with readers. end ends it and returns its last line.
type program struct {
	name string
	end  func() string
}

// newCommand returns the command of a program; args are the readers that call, or none for all.
type newCommand func(ctx context.Context, args ...string) *exec.Cmd

// prepare returns the programs by language; dir is that of .ci/readers-setup.
func prepare(t *testing.T, dir string) map[string]newCommand {
	t.Helper()
	seconds := ttl.String()[:len(ttl.String())-1]
	work := t.TempDir()
	copyTo(t, work, "testdata/readers.py", "testdata/readers.mjs", clients+"engage_client.py", clients+"engage-client.mjs")
	if err := os.Symlink(filepath.Join(dir, "node", "node_modules"), filepath.Join(work, "node_modules")); err != nil {
		t.Fatal(err)
	}
	libraries := filepath.Join(dir, "java", "lib", "*")
	compile := exec.CommandContext(t.Context(), "javac", "-Xlint:all,-classfile,-processing", "-Werror", "-cp", libraries,
		"-d", work, "testdata/Readers.java", clients+"EngageClient.java")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	command := func(name string, args ...string) newCommand {
		return func(ctx context.Context, more ...string) *exec.Cmd {
			return exec.CommandContext(ctx, name, slices.Concat(args, more)...)
		}
	}
	return map[string]newCommand{
		"Python":  command(filepath.Join(dir, "python", "bin", "python3"), filepath.Join(work, "readers.py"), seconds),
		"Node.js": command("node", filepath.Join(work, "readers.mjs"), seconds),
		"Java": command("java", "-Xmx256m", "-cp", work+string(os.PathListSeparator)+libraries, "Readers",
			seconds),
	}
}

func copyTo(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// start starts a program and waits until it is ready.
func (w *world) start(name string, c *exec.Cmd) {
	w.Helper()
	c.Env, c.Stderr = w.env, os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		w.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := c.Start(); err != nil {
		w.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		w.Fatalf("%s did not start: %q, %v", name, lines.Text(), lines.Err())
	}
	w.programs = append(w.programs, &program{name: name, end: func() string {
		_ = in.Close()
		lines.Scan()
		text := lines.Text()
		if err := c.Wait(); err != nil {
			w.Errorf("%s: %v", name, err)
		}
		return text
	}})
}

// startGo starts the readers in Go, in this process.
func (w *world) startGo() {
	w.Helper()
	client := secretsmanager.NewFromConfig(w.config)
	base, err := url.Parse(w.box.EngageURL)
	if err != nil {
		w.Fatal(err)
	}
	source, err := tokensource.New(tokensource.Config{Fetch: smsource.New(client, sandbox.TokenSecret), TTL: ttl})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = source.Close() })
	transport, err := tokensource.NewTransport(source, base, nil)
	if err != nil {
		w.Fatal(err)
	}
	readers := map[string]func() error{
		"tokensource": func() error { return ask(&http.Client{Transport: transport}, base, "", "") },
		"sdk-go": func() error {
			value, err := client.GetSecretValue(context.Background(),
				&secretsmanager.GetSecretValueInput{SecretId: aws.String(sandbox.TokenSecret)})
			if err != nil {
				return err
			}
			document, err := secret.Parse(*value.SecretString)
			if err != nil {
				return err
			}
			token, err := document.Token()
			if err != nil {
				return err
			}
			return ask(http.DefaultClient, base, token.Reveal(), "readers-go/1.0")
		},
	}
	done, results := make(chan struct{}), map[string]result{}
	var group sync.WaitGroup
	var mu sync.Mutex
	for name, call := range readers {
		group.Go(func() {
			r := callUntil(done, call)
			mu.Lock()
			defer mu.Unlock()
			results[name] = r
		})
	}
	w.programs = append(w.programs, &program{name: "Go", end: func() string {
		close(done)
		group.Wait()
		text, _ := json.Marshal(results)
		return string(text)
	}})
}

func callUntil(done <-chan struct{}, call func() error) result {
	var r result
	for {
		r.Calls++
		if err := call(); err != nil {
			r.Failed++
			r.Error = time.Now().UTC().Format(time.RFC3339Nano) + " " + err.Error()
		}
		select {
		case <-done:
			return r
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// ask calls Engage, with a token of the caller's own if there is one.
func ask(client *http.Client, base *url.URL, token, agent string) error {
	request, err := http.NewRequest(http.MethodGet, base.JoinPath("/voice/api/v1/admin/accounts").String(), nil)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set(tokensource.Header, token)
		request.Header.Set("User-Agent", agent)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}
