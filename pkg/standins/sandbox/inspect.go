package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"

	"engage-token-rotation/pkg/standins/awstest"
)

// Logs returns the latest lines that each function wrote.
func (s *Sandbox) Logs() map[string][]string {
	logs := map[string][]string{}
	for name, output := range s.outputs {
		logs[name] = output.all()
	}
	return logs
}

// begin begins a rotation as RotateSecret does, and leaves the steps to the caller, for `sam local
// invoke`. With test=true it is a preflight (RotateImmediately=false).
func (s *Sandbox) begin(rw http.ResponseWriter, r *http.Request) {
	sv, query := s.services.Load(), r.URL.Query()
	id := query.Get("secret")
	if id == "" {
		id = TokenSecret
	}
	run, err := sv.aws.Secrets.ResumeRotation(id) // an incomplete one is run again first, as by the service
	if err != nil {
		run, err = sv.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{
			SecretId: id, ClientRequestToken: query.Get("version"), RotationLambdaARN: s.functions[FunctionRotate].ARN(),
			RotateImmediately: new(query.Get("test") != "true"),
		})
	}
	if err != nil {
		refuse(rw, http.StatusConflict, err)
		return
	}
	s.witness.see("a RotationToken", run.RotationToken)
	sv.mu.Lock()
	sv.begun[run.VersionID] = run
	sv.mu.Unlock()
	events := map[string]awstest.RotationEvent{}
	for _, step := range run.Steps {
		events[step] = run.Event(step)
	}
	answer(rw, events)
}

// end ends a rotation that begin began.
func (s *Sandbox) end(rw http.ResponseWriter, r *http.Request) {
	sv, version := s.services.Load(), r.URL.Query().Get("version")
	sv.mu.Lock()
	run, ok := sv.begun[version]
	delete(sv.begun, version)
	sv.mu.Unlock()
	if !ok {
		http.Error(rw, "no rotation of this version was begun here", http.StatusNotFound)
		return
	}
	failed := sv.aws.Secrets.CheckRotation(run)
	answer(rw, map[string]awstest.Outcome{"outcome": sv.aws.Secrets.EndRotation(run, failed)})
}

// done answers a change with the new state.
func (s *Sandbox) done(rw http.ResponseWriter, err error) {
	if err != nil {
		refuse(rw, http.StatusBadRequest, err)
		return
	}
	answer(rw, s.State())
}

func refuse(rw http.ResponseWriter, status int, err error) {
	http.Error(rw, strings.TrimPrefix(err.Error(), "sandbox: "), status)
}

func answer(rw http.ResponseWriter, value any) {
	rw.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(rw)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // the client may have gone
}
