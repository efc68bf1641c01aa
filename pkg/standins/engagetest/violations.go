package engagetest

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"engage-token-rotation/pkg/engage"
)

// Rule is a rule for clients.
type Rule string

// The rules. A call that breaks one is answered as the vendor would answer it, and the breach is
// recorded.
const (
	// RuleUserAgent: a stable User-Agent of name/version, which Go's default is not.
	RuleUserAgent Rule = "user-agent"
	// RulePasswordPlace: a credential is in the place that the flow has for it, and nowhere else.
	RulePasswordPlace Rule = "credential in a wrong place"
	// RuleTwice: credentials are sent once.
	RuleTwice Rule = "credentials sent twice"
	// RuleNeedless: a login is sent no access or API token, and a token call no Basic credentials.
	RuleNeedless Rule = "credentials that the call does not take"
	// RuleContentType: a form has the content type of a form, a token call has no body.
	RuleContentType Rule = "content type"
	// RulePath: a path that the API has, escaped, without "." or ".." segments.
	RulePath Rule = "path"
	// RuleQuery: a token call has no query.
	RuleQuery Rule = "query"
	// RuleReferer: no Referer, which after a redirect can hold the password.
	RuleReferer Rule = "referer"
	// RuleRefreshWanted: an exchange asks for the refresh token.
	RuleRefreshWanted Rule = "no refresh token asked for"
)

// Violation is a breach of a rule. It holds no secret.
type Violation struct {
	Call      int64 // its Number
	Operation Operation
	Rule      Rule
	Detail    string
}

// String describes the violation.
func (v Violation) String() string {
	return fmt.Sprintf("call %d (%s): %s: %s", v.Call, v.Operation, v.Rule, v.Detail)
}

// Violations returns the breaches of the rules, oldest first: the latest Config.LogLength.
func (s *Server) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.violations.all()
}

// credentials are those of a request's headers.
type credentials struct {
	bearer    string
	authToken string
	place     string // for the log
}

const headerAuthToken = "X-Auth-Token"

func sentCredentials(r *http.Request) credentials {
	var sent credentials
	authorization := r.Header.Get("Authorization")
	if scheme, rest, ok := strings.Cut(authorization, " "); ok && strings.EqualFold(scheme, "bearer") {
		sent.bearer, sent.place = strings.TrimSpace(rest), "bearer"
	} else if _, _, ok := r.BasicAuth(); ok {
		sent.place = "basic"
	}
	sent.authToken = r.Header.Get(headerAuthToken)
	if sent.authToken != "" && sent.place == "" {
		sent.place = "x-auth-token"
	}
	return sent
}

// identify writes the caller into the call, without any effect. s.mu is held.
func (s *Server) identify(x *exchange) {
	name := func(found *session) {
		if found != nil {
			x.call.User = found.user.Username
		}
	}
	switch x.route.operation {
	case OpLogin:
		x.call.Auth, x.call.User = "query", x.query.Get("username")
		if x.route.flow == engage.FlowLegacy {
			x.call.Auth, x.call.User = s.place(x), s.parameters(x).Get("username")
		}
		if s.find(func(u *user) bool { return u.Username == x.call.User }) == nil {
			x.call.User = "" // the text may be anything, a password too
		}
	case OpGrant:
		id, _, _ := x.request.BasicAuth()
		u := s.find(func(u *user) bool {
			return id != "" && u.ClientID == id && same(u.JWT, x.form.Get("assertion"))
		})
		if u != nil {
			x.call.User = u.Username
		}
	case OpExchange:
		x.call.Auth = s.place(x)
		name(s.sessions.platform.byText[s.parameters(x).Get("rcAccessToken")])
	case OpRefresh:
		x.call.Auth = s.place(x)
		name(s.sessions.refresh.byText[s.parameters(x).Get("refresh_token")])
	default:
		name(s.sessions.access.byText[x.sent.bearer])
		name(s.sessions.access.byText[x.sent.authToken])
		name(s.sessions.legacy.byText[x.sent.authToken])
		if token := s.tokens[x.sent.authToken]; token != nil {
			x.call.User = token.owner.Username
			x.call.Fingerprint = token.fingerprint
		}
		if x.route.operation == OpDelete {
			x.call.Fingerprint = s.fingerprint(x.route.token)
		}
	}
}

// place returns where a login has the parameters that the guide puts into the form.
func (s *Server) place(x *exchange) string {
	if s.config.QueryParameters && x.body == "" {
		return "query"
	}
	return "form"
}

// check records the request's breaches of the rules. s.mu is held.
func (s *Server) check(x *exchange) {
	breach := func(rule Rule, detail string) {
		s.violations.add(Violation{x.call.Number, x.route.operation, rule, detail})
	}
	checkHeaders(x, breach)
	checkPath(x, breach)
	switch x.route.operation {
	case OpLogin, OpGrant, OpExchange, OpRefresh:
		checkLogin(x, s.place(x) == "query", breach)
	case OpList, OpCreate, OpDelete, OpAccounts:
		checkTokenCall(x, breach)
		if x.sent.bearer != "" && s.tokens[x.sent.bearer] != nil {
			breach(RulePasswordPlace, "an API token is sent as Bearer")
		}
		byToken := x.sent.bearer == "" && x.sent.authToken != ""
		if byToken && x.route.operation == OpCreate && x.route.flow != engage.FlowLegacy {
			breach(RulePasswordPlace, "a creation is documented with Bearer only")
		}
	}
}

func checkHeaders(x *exchange, breach func(Rule, string)) {
	header := x.request.Header
	switch agent := header.Get("User-Agent"); {
	case agent == "":
		breach(RuleUserAgent, "there is none")
	case strings.HasPrefix(agent, "Go-http-client/"):
		breach(RuleUserAgent, "it is the default of Go")
	case !strings.Contains(agent, "/"):
		breach(RuleUserAgent, "it is not a name/version")
	}
	if header.Get("Referer") != "" {
		breach(RuleReferer, "a Referer is sent")
	}
	if len(header["Authorization"]) > 1 || len(header[headerAuthToken]) > 1 ||
		header.Get("Authorization") != "" && header.Get(headerAuthToken) != "" {
		breach(RuleTwice, "more than one credential in the headers")
	}
}

func checkPath(x *exchange, breach func(Rule, string)) {
	path := x.request.URL.EscapedPath()
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." {
			breach(RulePath, "an empty segment, or one of dots")
			break
		}
	}
	if x.route.operation == OpUnknown {
		breach(RulePath, "the API has no such path and method")
	}
}

// credentialNames are the parameters that hold credentials, by operation and place.
func credentialNames(r route) (query, form []string) {
	switch {
	case r.operation == OpLogin && r.flow == engage.FlowEngage:
		return []string{"username", "password", "platformId"}, nil
	case r.operation == OpLogin:
		return nil, []string{"username", "password"}
	case r.operation == OpGrant:
		return nil, []string{"assertion", "grant_type"}
	case r.operation == OpExchange:
		return []string{"includeRefresh"}, []string{"rcAccessToken", "rcTokenType"}
	case r.operation == OpRefresh:
		return nil, []string{"refresh_token"}
	}
	return nil, nil
}

// checkLogin checks a login; inQuery allows what the OpenAPI description has and the guide has not.
func checkLogin(x *exchange, inQuery bool, breach func(Rule, string)) {
	query, form := credentialNames(x.route)
	bearer := x.sent.bearer != ""
	if inQuery && x.route.operation != OpGrant {
		query, form = append(query, form...), nil
		bearer = bearer && x.route.operation != OpExchange
	}
	checkPlace(x.query, query, "query", breach)
	checkPlace(x.form, form, "form", breach)
	if len(form) > 0 && !x.hasForm() {
		breach(RuleContentType, "no form, or one without its content type")
	}
	if bearer || x.sent.authToken != "" || x.sent.place == "basic" && x.route.operation != OpGrant {
		breach(RuleNeedless, "a login is sent a token")
	}
	if x.route.operation == OpExchange && x.query.Get("includeRefresh") != "true" {
		breach(RuleRefreshWanted, "includeRefresh=true is missing")
	}
}

// checkPlace records parameters in the wrong place, and those that are there twice.
func checkPlace(values map[string][]string, allowed []string, place string, breach func(Rule, string)) {
	known := map[string]bool{}
	for _, name := range allowed {
		known[name] = true
		if len(values[name]) > 1 {
			breach(RuleTwice, name+" more than once in the "+place)
		}
	}
	for name := range values {
		if !known[name] {
			breach(RulePasswordPlace, credentialName(name)+" in the "+place)
		}
	}
}

// credentialName returns a parameter's name if a violation may print it.
func credentialName(name string) string {
	switch name {
	case "username", "password", "platformId", "assertion", "rcAccessToken", "refresh_token", "client_id", "client_secret":
		return name
	}
	return "an unknown parameter"
}

func checkTokenCall(x *exchange, breach func(Rule, string)) {
	if x.request.URL.RawQuery != "" {
		breach(RuleQuery, "a token call has no query")
	}
	if x.body != "" {
		breach(RuleContentType, "a token call has no body")
	}
	if x.sent.place == "basic" {
		breach(RuleNeedless, "Basic credentials on a token call")
	}
}

// hasForm reports whether the body is a form with the content type of one.
func (x *exchange) hasForm() bool {
	kind, _, err := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded" && len(x.form) > 0
}
