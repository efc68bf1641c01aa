package fleet_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
)

// The figures rest on fleets that were not rotated but seeded.
func TestTheSeedIsWhatRotationsLeave(t *testing.T) {
	for _, due := range []bool{false, true} {
		var seeded, rotated map[string]string
		f := fleet{secrets: 1, users: 1, due: due}
		if due {
			f.retention = time.Hour
		}
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t}
			w.seed(f)
			defer w.aws.Close()
			seeded = w.shape()
		})
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t}
			w.seed(fleet{secrets: 1, users: 1, retention: f.retention})
			defer w.aws.Close()
			for range 2 { // so that nothing of the seed is left
				w.rotateOnce(w.arns[0])
				time.Sleep(4 * time.Minute) // the login before is forgotten by the next one
			}
			if !due {
				time.Sleep(time.Hour)
				w.sweep(w.newSweeper()) // removes what says that the previous token was deleted
			}
			rotated = w.shape()
			if live := w.live(); due && live != 3 || !due && live != 1 {
				t.Errorf("due %t: %d tokens are alive", due, live)
			}
		})
		for kind, fields := range seeded {
			if got, found := rotated[kind]; got != fields || !found {
				t.Errorf("due %t: the seed's %s is\n%s, that of rotations is\n%s", due, kind, fields, got)
			}
		}
		for kind := range rotated {
			if _, found := seeded[kind]; !found {
				t.Errorf("due %t: the seed has no %s", due, kind)
			}
		}
	}
}

// shape returns the kinds of parameters, and of each the names of its fields. Only the state of a
// record is kept of the values.
func (w *world) shape() map[string]string {
	w.t.Helper()
	kinds := map[string]string{}
	for name, value := range w.parameters() {
		kind, fields := "login", map[string]any{}
		if strings.Contains(name, "/ledger/") {
			if err := json.Unmarshal([]byte(value), &fields); err != nil {
				w.t.Fatal(err)
			}
			kind, _, _ = strings.Cut(name[strings.LastIndexByte(name, '/')+1:], "-")
			state, _ := fields["state"].(string)
			kind += " " + state
		}
		kinds[kind] = strings.Join(slices.Sorted(maps.Keys(fields)), " ")
	}
	return kinds
}

// parameters returns the parameters of the deployment by name.
func (w *world) parameters() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	for token := ""; ; {
		page, err := w.aws.Parameters.GetParametersByPath(&awstest.GetParametersByPathInput{
			Path: settings.DefaultPrefix, Recursive: true, NextToken: token,
		})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range page.Parameters {
			all[p.Name] = p.Value
		}
		if token = page.NextToken; token == "" {
			return all
		}
	}
}
