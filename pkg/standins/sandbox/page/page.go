// Package page is the sandbox's page for browsers: HTML, CSS and plain JavaScript, embedded as they
// are, without a build step. It loads nothing from another address, and its content security policy
// forbids that.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
)

// Files are the names of the page's files beside the page itself. They are served at the root.
var Files = []string{"page.css", "page.js", "dom.js"}

//go:embed index.html page.css page.js dom.js
var files embed.FS

// Policy is the content security policy of the served page.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page and its files.
func Handler(rw http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	if r.URL.Path == "/" {
		name = "index.html"
	}
	text, err := files.ReadFile(name)
	if err != nil {
		http.NotFound(rw, r)
		return
	}
	header := rw.Header()
	header.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	header.Set("Content-Security-Policy", Policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-cache")
	_, _ = rw.Write(text)
}

// Static returns the page as one file that shows a view, and nothing that changes it. The view must
// hold no secret.
func Static(view any) ([]byte, error) {
	data, err := json.Marshal(view) // escapes <, > and &
	if err != nil {
		return nil, err
	}
	html := must("index.html")
	style, script := must("page.css"), must("dom.js")+must("page.js")
	policy := fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; base-uri 'none'; "+
		"form-action 'none'", hash(script), hash(style))
	for tag, text := range map[string]string{
		`<link rel="stylesheet" href="page.css">`: "<style>" + style + "</style>",
		`<script defer src="dom.js"></script>`:    `<meta http-equiv="Content-Security-Policy" content="` + policy + `">`,
		`<script defer src="page.js"></script>`:   "",
		`</body>`: `<script type="application/json" id="view">` + string(data) + "</script>\n<script>" + script +
			"</script>\n</body>",
	} {
		if strings.Count(html, tag) != 1 {
			return nil, fmt.Errorf("make a static page: index.html does not have %s once", tag)
		}
		html = strings.Replace(html, tag, text, 1)
	}
	return bytes.TrimSpace([]byte(html)), nil
}

func must(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
