package engagetest

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
)

// exchange is a call on its way through the server.
type exchange struct {
	request *http.Request
	body    string
	query   url.Values
	form    url.Values
	route   route
	call    Call
	sent    credentials
}

// serve carries a request out. The error stands for a connection that breaks instead of an answer.
func (s *Server) serve(r *http.Request) (*Answer, error) {
	x, hook := s.begin(r)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		x.call.Stage, x.call.Took = After, s.now().Sub(x.call.Time)
		s.calls.add(x.call)
	}()
	if answer, err, done := x.interrupt(hook, Before); done {
		return answer, err
	}
	answer := s.act(x)
	answer.own = true
	x.call.Status = answer.Status
	if broken, err, done := x.interrupt(hook, After); done {
		return broken, err
	}
	return answer, nil
}

// begin reads the request, finds its route, and checks it against the rules.
func (s *Server) begin(r *http.Request) (*exchange, func(Call) *Fault) {
	body := readBody(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	x := &exchange{request: r, body: body, route: s.route(r), sent: sentCredentials(r)}
	x.call = Call{
		Number: s.number, Stage: Before, Time: s.now(),
		Operation: x.route.operation, Flow: x.route.flow, Auth: x.sent.place,
		Agent: r.UserAgent(),
	}
	if r.URL.RawQuery != "" {
		x.query = r.URL.Query()
	}
	x.form = x.parseForm()
	s.identify(x)
	s.check(x)
	s.counts[x.route.operation]++
	return x, s.fault
}

// act carries the call out and returns its answer.
func (s *Server) act(x *exchange) *Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refuse := s.wrong.Refuse; s.misbehaves(refuse != 0) {
		return s.refusal(x, refuse)
	}
	switch x.route.operation {
	case OpLogin:
		if x.route.flow == engage.FlowLegacy {
			return s.loginLegacy(x)
		}
		return s.loginEngage(x)
	case OpGrant:
		return s.grant(x)
	case OpExchange:
		return s.exchange(x)
	case OpRefresh:
		return s.refresh(x)
	case OpUnknown:
		if x.route.wrongMethod {
			return Text(http.StatusMethodNotAllowed, "Method Not Allowed")
		}
		return HTML(http.StatusNotFound)
	}
	return s.tokenCall(x)
}

// interrupt asks the hook at a stage. If done is true, the call ends here.
func (x *exchange) interrupt(hook func(Call) *Fault, stage Stage) (answer *Answer, err error, done bool) {
	if hook == nil {
		return nil, nil, false
	}
	x.call.Stage = stage
	fault := hook(x.call)
	if fault == nil {
		return nil, nil, false
	}
	if x.call.Fault != "" {
		x.call.Fault += ", "
	}
	x.call.Fault += string(stage) + ": " + fault.String()
	if fault.Delay > 0 {
		sleep(x.request.Context(), fault.Delay)
	}
	switch {
	case fault.Drop:
		return nil, ErrDropped, true
	case fault.Answer != nil:
		if stage == Before {
			x.call.Status = fault.Answer.Status
		}
		return fault.Answer, nil, true
	}
	return nil, nil, false
}

// sleep waits until the time is over or the client has gone.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

const maxRequestBody = 1 << 20

func readBody(r *http.Request) string {
	if r.Body == nil || r.Body == http.NoBody {
		return ""
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequestBody))
	return string(body)
}

// parseForm reads the body as a form, whatever its content type.
func (x *exchange) parseForm() url.Values {
	if x.body == "" {
		return nil
	}
	form, err := url.ParseQuery(x.body)
	if err != nil {
		return nil
	}
	return form
}

// route is the meaning of a method and a path.
type route struct {
	operation   Operation
	flow        engage.Flow
	token       string // of a deletion, decoded
	wrongMethod bool
}

// The paths of the API.
const (
	pathLogin       = "/api/auth/login/admin"
	pathGrant       = "/restapi/oauth/token"
	pathExchange    = "/api/auth/login/rc/accesstoken"
	pathRefresh     = "/api/auth/token/refresh"
	pathLegacyLogin = "/api/v1/auth/login"
	pathVoice       = "/voice/api/v1/admin/"
	pathLegacy      = "/api/v1/admin/"
)

// route returns the route of a request. s.mu is held.
func (s *Server) route(r *http.Request) route {
	path := r.URL.EscapedPath()
	found := logins(path)
	if found.operation == OpUnknown {
		if rest, ok := strings.CutPrefix(path, pathVoice); ok {
			found = tokenRoute(rest, r.Method, engage.FlowEngage)
		} else if rest, ok := strings.CutPrefix(path, pathLegacy); ok {
			found = tokenRoute(rest, r.Method, engage.FlowLegacy)
		}
	} else if r.Method != http.MethodPost {
		found = route{operation: OpUnknown, wrongMethod: true}
	}
	if found.operation != OpUnknown && !s.serves(found) {
		return route{operation: OpUnknown}
	}
	return found
}

func logins(path string) route {
	switch path {
	case pathLogin:
		return route{operation: OpLogin, flow: engage.FlowEngage}
	case pathGrant:
		return route{operation: OpGrant, flow: engage.FlowRingCentral}
	case pathExchange:
		return route{operation: OpExchange, flow: engage.FlowRingCentral}
	case pathRefresh:
		return route{operation: OpRefresh, flow: engage.FlowEngage}
	case pathLegacyLogin:
		return route{operation: OpLogin, flow: engage.FlowLegacy}
	}
	return route{operation: OpUnknown}
}

func tokenRoute(rest, method string, flow engage.Flow) route {
	raw, deletion := strings.CutPrefix(rest, "token/")
	switch {
	case rest == "token" && method == http.MethodGet:
		return route{operation: OpList, flow: flow}
	case rest == "token" && method == http.MethodPost:
		return route{operation: OpCreate, flow: flow}
	case rest == "accounts" && method == http.MethodGet:
		return route{operation: OpAccounts, flow: flow}
	case deletion && method == http.MethodDelete && raw != "" && !strings.Contains(raw, "/"):
		token, err := url.PathUnescape(raw)
		if err != nil {
			break
		}
		return route{operation: OpDelete, flow: flow, token: token}
	case rest == "token", rest == "accounts", deletion && !strings.Contains(raw, "/"):
		return route{operation: OpUnknown, wrongMethod: true}
	}
	return route{operation: OpUnknown}
}

// serves reports whether a path belongs to a flow that is served; engage and ringcentral share
// some.
func (s *Server) serves(r route) bool {
	for _, flow := range s.config.Flows {
		shared := r.operation != OpLogin && r.operation != OpGrant && r.operation != OpExchange &&
			flow == engage.FlowRingCentral && r.flow == engage.FlowEngage
		if flow == r.flow || shared {
			return true
		}
	}
	return false
}
