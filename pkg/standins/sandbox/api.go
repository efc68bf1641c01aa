package sandbox

import (
	"fmt"
	"net/http"

	"engage-token-rotation/pkg/standins/sandbox/page"
)

// The paths of the sandbox's own API, at the AWS listener; GET [PathAPI] answers this list with the
// meanings. Nothing of it is in the functions.
const (
	PathAPI           = "/_sandbox/"
	PathState         = "/_sandbox/state"
	PathCalls         = "/_sandbox/calls"
	PathLogs          = "/_sandbox/logs"
	PathView          = "/_sandbox/view"
	PathEvents        = "/_sandbox/events"
	PathReset         = "/_sandbox/reset"
	PathScenario      = "/_sandbox/scenario"
	PathBegin         = "/_sandbox/begin"
	PathEnd           = "/_sandbox/end"
	PathRotate        = "/_sandbox/rotate"
	PathSweep         = "/_sandbox/sweep"
	PathRetention     = "/_sandbox/retention"
	PathStrike        = "/_sandbox/strike"
	PathYardstick     = "/_sandbox/yardstick"
	PathEdit          = "/_sandbox/edit"
	PathDeleteCurrent = "/_sandbox/delete-current"
	PathForeign       = "/_sandbox/foreign"
)

// route is a path of the API.
type route struct {
	method, path string
	// query are the parameters, meaning is what the path answers or does.
	query, meaning string
	serve          http.HandlerFunc
}

// routes is the API. What changes something answers 400 or 409 with the reason if it cannot.
func (s *Sandbox) routes() []route {
	get := func(value func() any) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { answer(rw, value()) }
	}
	return []route{
		{"GET", "/{$}", "", "the page", page.Handler},
		{"GET", PathAPI + "{$}", "", "this list", s.list},
		{"GET", PathState, "", "the state of the stand-ins: type State",
			get(func() any { return s.State() })},
		{"GET", PathCalls, "", "the calls of AWS and Engage, and the permissions that they used: type Calls",
			get(func() any { return s.Calls() })},
		{"GET", PathLogs, "function", "the lines that each function wrote; with function, its lines as plain text", s.logs},
		{"GET", PathView, "", "what the page shows: type View", get(func() any { return s.View() })},
		{"GET", PathEvents, "", "server-sent events: view after each change, readers each second (type Reader)", s.events},
		{"POST", PathReset, "", "back to the start; answers the state", func(rw http.ResponseWriter, r *http.Request) {
			s.done(rw, s.Reset(r.Context()))
		}},
		{"POST", PathScenario, "name", "another scenario; answers the state", s.chooseScenario},
		{"POST", PathBegin, "secret, version, test", "begins a rotation that the caller drives; answers its events", s.begin},
		{"POST", PathEnd, "version", "ends that rotation; answers its outcome", s.end},
		{"POST", PathRotate, "", "starts a rotation, or the next attempt at an incomplete one", s.action(s.rotateAll)},
		{"POST", PathSweep, "dryRun, later, deleteToken",
			"sweeps; later=2h makes the ledger older before; deleteToken deletes the token of that fingerprint",
			s.action(s.sweepNow)},
		{"POST", PathRetention, "value", "how long previous tokens live, such as 20s", s.action(s.setRetention)},
		{"POST", PathStrike, "step, service, operation, nth, fault",
			"strikes that call of the next rotation; without fault none; the view lists the faults", s.action(s.strikeNext)},
		{"POST", PathYardstick, "on", "AWS's published order of operations beside the product, with a secret of its own",
			s.action(s.switchYardstick)},
		{"POST", PathEdit, "", "edits the secret by hand", s.action(s.editAll)},
		{"POST", PathDeleteCurrent, "", "deletes the current token at the vendor's page", s.action(s.deleteCurrent)},
		{"POST", PathForeign, "", "another program of the same user makes a token", s.action(s.foreignToken)},
	}
}

// awsHandler is the AWS listener's handler.
func (s *Sandbox) awsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) { s.services.Load().aws.ServeHTTP(rw, r) })
	mux.HandleFunc("POST /{$}", s.byProtocol)
	mux.Handle("/2015-03-31/functions", s.api) // without it, a redirection
	mux.Handle("/2015-03-31/functions/", s.api)
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", s.invokeAPI)
	for _, name := range page.Files {
		mux.HandleFunc("GET /"+name, page.Handler)
	}
	// Another site's page in the same browser must not press these buttons.
	sameOrigin := http.NewCrossOriginProtection()
	for _, route := range s.routes() {
		mux.Handle(route.method+" "+route.path, sameOrigin.Handler(route.serve))
	}
	return s.changes.after(mux)
}

// logs answers the lines of all functions as JSON, or those of one as text.
func (s *Sandbox) logs(rw http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("function")
	if name == "" {
		answer(rw, s.Logs())
		return
	}
	f := s.api.Function(name)
	if f == nil {
		refuse(rw, http.StatusNotFound, fmt.Errorf("sandbox: unknown function %q; use one of %v", name, Functions))
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, line := range s.outputs[f.Name()].all() {
		fmt.Fprintln(rw, line)
	}
}

// list answers the API as text.
func (s *Sandbox) list(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, route := range s.routes() {
		query := ""
		if route.query != "" {
			query = "?" + route.query
		}
		fmt.Fprintf(rw, "%-4s %s%s\n     %s\n", route.method, trimEnd(route.path), query, route.meaning)
	}
}
