package page_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browser is a session of a headless Chromium.
type browser struct {
	t       *testing.T
	session string // the URL of the session
}

// element is the key of an element in WebDriver's JSON.
const element = "element-6066-11e4-a52e-4f735466cecf"

// startTime is how long the browser may take to start: long, for a busy machine.
const startTime = 2 * time.Minute

// startBrowser starts a browser that ends with the test.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("drives a browser: skipped with -short")
	}
	driver, noDriver := exec.LookPath("chromedriver")
	program, noProgram := exec.LookPath("google-chrome")
	if noProgram != nil {
		program, noProgram = exec.LookPath("chromium")
	}
	if err := errors.Join(noDriver, noProgram); err != nil && os.Getenv("BROWSER") == "required" {
		t.Fatalf("there is no browser: %v; run .ci/browser-setup", err)
	} else if err != nil {
		t.Skipf("there is no browser: %v", err)
	}
	b := &browser{t: t, session: startDriver(t, driver) + "/session"}
	arguments := []string{"--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"}
	if os.Getuid() == 0 {
		arguments = append(arguments, "--no-sandbox") // Chromium's own sandbox does not run as root
	}
	var session struct{ SessionID string }
	b.call("POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName":        "chrome",
		"goog:chromeOptions": map[string]any{"args": arguments, "binary": program},
		"goog:loggingPrefs":  map[string]any{"browser": "ALL", "performance": "ALL"},
		"timeouts":           map[string]any{"script": startTime.Milliseconds()},
	}}}, &session)
	b.session += "/" + session.SessionID
	t.Cleanup(func() { b.call("DELETE", "", nil, nil) })
	return b
}

var listening = regexp.MustCompile(`started successfully on port (\d+)`)

// startDriver starts chromedriver on a port of its choice, and returns its address.
func startDriver(t *testing.T, path string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, path, "--port=0")
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	output, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = command.Wait() // it was killed
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return "http://127.0.0.1:" + found[1]
		}
	}
	t.Fatalf("chromedriver ended without a port: %v", lines.Err())
	return ""
}

// call makes a WebDriver call; result may be nil.
func (b *browser) call(method, path string, body, result any) {
	b.t.Helper()
	var payload io.Reader
	if method == http.MethodPost {
		text, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		payload = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(context.Background(), method, b.session+path, payload)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer := struct{ Value json.RawMessage }{}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s", method, path, answer.Value)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(answer.Value, result); err != nil {
		b.t.Fatalf("%s %s: %v in %s", method, path, err, answer.Value)
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.call("POST", "/url", map[string]any{"url": url}, nil)
}

// find returns the path of an element, by a CSS selector.
func (b *browser) find(css string) string {
	b.t.Helper()
	var found map[string]string
	b.call("POST", "/element", map[string]any{"using": "css selector", "value": css}, &found)
	return "/element/" + found[element]
}

// click scrolls to an element and clicks it.
func (b *browser) click(css string) {
	b.t.Helper()
	b.call("POST", b.find(css)+"/click", map[string]any{}, nil)
}

// keys presses keys, one after the other, wherever the focus is.
func (b *browser) keys(keys ...string) {
	b.t.Helper()
	var presses []map[string]string
	for _, key := range keys {
		presses = append(presses, map[string]string{"type": "keyDown", "value": key},
			map[string]string{"type": "keyUp", "value": key})
	}
	b.call("POST", "/actions", map[string]any{"actions": []any{
		map[string]any{"type": "key", "id": "keyboard", "actions": presses},
	}}, nil)
}

// Keys as WebDriver names them.
const (
	keyTab   = "\ue004"
	keyEnter = "\ue007"
)

// script runs the body of a function in the page.
func (b *browser) script(body string, result any, args ...any) {
	b.t.Helper()
	if args == nil {
		args = []any{}
	}
	b.call("POST", "/execute/sync", map[string]any{"script": body, "args": args}, result)
}

// await waits until an expression of the page is true, looking again after each change of the page.
func (b *browser) await(what, expression string) {
	b.t.Helper()
	var text *string
	b.call("POST", "/execute/async", map[string]any{"args": []any{}, "script": `
		const done = arguments[0], holds = () => ` + expression + `;
		if (holds()) return done(null);
		const late = setTimeout(() => done(document.body.innerText), 60000);
		const seen = new MutationObserver(() => {
			if (holds()) { seen.disconnect(); clearTimeout(late); done(null); }
		});
		seen.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });`}, &text)
	if text != nil {
		b.t.Fatalf("the page does not get to: %s\n%s", what, *text)
	}
}

// text returns the visible text of an element.
func (b *browser) text(css string) (text string) {
	b.t.Helper()
	b.script(`return document.querySelector(arguments[0]).innerText`, &text, css)
	return text
}

// choose selects an option by its value, as a user does.
func (b *browser) choose(css, value string) {
	b.t.Helper()
	b.click(fmt.Sprintf("%s option[value=%q]", css, value))
}

// devtools makes a call of the DevTools protocol.
func (b *browser) devtools(command string, parameters map[string]any, result any) {
	b.t.Helper()
	if parameters == nil {
		parameters = map[string]any{}
	}
	b.call("POST", "/goog/cdp/execute", map[string]any{"cmd": command, "params": parameters}, result)
}

// look sets the width of the window, and the colours that the user prefers.
func (b *browser) look(width, height int, colours string) {
	b.t.Helper()
	b.devtools("Emulation.setDeviceMetricsOverride",
		map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.devtools("Emulation.setEmulatedMedia",
		map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": colours}}}, nil)
}

// picture returns a PNG of the page from its top.
func (b *browser) picture(width, height int) []byte {
	b.t.Helper()
	var shot struct{ Data string }
	b.devtools("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": width, "height": height, "scale": 1}}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	return data
}

// entry is a line of one of the browser's logs.
type entry struct{ Level, Source, Message string }

func (b *browser) logs(kind string) (entries []entry) {
	b.t.Helper()
	b.call("POST", "/se/log", map[string]any{"type": kind}, &entries)
	return entries
}

// complaints returns what the page did wrong since the last call: errors, warnings, violations of
// the content security policy, and requests to other addresses than the given one.
func (b *browser) complaints(origin string) (found []string) {
	b.t.Helper()
	for _, e := range b.logs("browser") {
		if e.Level == "SEVERE" || e.Level == "WARNING" {
			found = append(found, e.Source+": "+e.Message)
		}
	}
	for _, e := range b.logs("performance") {
		var event struct {
			Message struct {
				Method string
				Params struct{ Request struct{ URL string } }
			}
		}
		if err := json.Unmarshal([]byte(e.Message), &event); err != nil {
			b.t.Fatal(err)
		}
		url := event.Message.Params.Request.URL
		if event.Message.Method == "Network.requestWillBeSent" && !strings.HasPrefix(url, origin) &&
			!strings.HasPrefix(url, "data:") {
			found = append(found, "a request to "+url)
		}
	}
	return found
}
