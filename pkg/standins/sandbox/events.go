package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// eventPause is the shortest time between two views: many changes come together.
const eventPause = 50 * time.Millisecond

// events sends the view after each change, and the readers each second, until the client has gone.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
func (s *Sandbox) events(rw http.ResponseWriter, r *http.Request) {
	leave := s.readers.watch(s)
	defer leave()
	rw.Header().Set("Content-Type", "text/event-stream")
	rw.Header().Set("Cache-Control", "no-store")
	stream := eventStream{rw, http.NewResponseController(rw)}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	pause := time.NewTicker(eventPause)
	defer pause.Stop()
	changed := s.changes.wait()
	if stream.send("view", s.View()) != nil {
		return
	}
	for due := false; ; {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-second.C:
			err = stream.send("readers", s.readers.list())
		case <-changed:
			due, changed = true, s.changes.wait()
		case <-pause.C:
			if due {
				due, err = false, stream.send("view", s.View())
			}
		}
		if err != nil {
			return
		}
	}
}

// eventStream writes server-sent events.
type eventStream struct {
	http.ResponseWriter
	*http.ResponseController
}

func (e eventStream) send(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(e, "event: %s\ndata: %s\n\n", name, data); err != nil {
		return err
	}
	return e.Flush()
}

// chooseScenario begins another scenario.
func (s *Sandbox) chooseScenario(rw http.ResponseWriter, r *http.Request) {
	s.done(rw, s.SetScenario(r.Context(), Scenario(r.URL.Query().Get("name"))))
}

// trimEnd returns a path without the mark of package http for its end.
func trimEnd(path string) string { return strings.TrimSuffix(path, "{$}") }
