package foreign

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
)

//go:embed engage.py
var engageServer string

// Engage is a running Engage Voice server in Python, which shares no code with this module. Its
// file describes it.
type Engage struct {
	URL string
}

// Forms are the forms of the server's answers; see engage.py.
type Forms struct {
	Created string // "bare" or "quoted"
	Listed  string // "json" or "braces"
	Deleted string // "true" or "empty"
}

// StartEngage starts a server, or skips the test if there is no python3.
func StartEngage(t testing.TB, forms Forms) *Engage {
	t.Helper()
	python := Find(t, "python3")
	return &Engage{URL: Start(t, python, "-c", engageServer, forms.Created, forms.Listed, forms.Deleted)}
}

// User is what the server knows about a user.
type User struct {
	Tokens []string `json:"tokens"` // live ones, oldest first
	Logins int      `json:"logins"`
}

// AddUser makes a user. The user's client id is the name; client secret and JWT are "secret-" and
// "jwt-" before the password.
func (e *Engage) AddUser(name, password, platformID string) error {
	document, err := json.Marshal(map[string]string{"password": password, "platformId": platformID})
	if err == nil {
		_, err = e.control(http.MethodPost, name, "", document)
	}
	return err
}

// User returns what the server knows about a user.
func (e *Engage) User(name string) (User, error) {
	var user User
	text, err := e.control(http.MethodGet, name, "", nil)
	if err == nil {
		err = json.Unmarshal(text, &user)
	}
	return user, err
}

// CreateToken makes a token as another program of the user does.
func (e *Engage) CreateToken(name string) (string, error) {
	token, err := e.control(http.MethodPost, name, "/token", nil)
	return string(token), err
}

func (e *Engage) control(method, name, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequest(method, e.URL+"/control/users/"+url.PathEscape(name)+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("control of the Engage server: %s", response.Status)
	}
	return io.ReadAll(response.Body)
}
