package faults_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
)

// reader reads what a function writes. It reports each line of WARN or ERROR of which neither the
// message nor the error ends in "; next step" (G8). The lines of the SDK are in the SDK's words.
type reader struct {
	verdict *verdict

	mu   sync.Mutex
	rest []byte
}

// Write implements [io.Writer].
func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = append(r.rest, p...)
	for {
		line, rest, found := bytes.Cut(r.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		r.rest = rest
		if lacksNextStep(line) {
			r.verdict.add(stepless, "no next step in "+string(line))
		}
	}
}

func lacksNextStep(line []byte) bool {
	var entry struct{ Level, Msg, Error string }
	if json.Unmarshal(line, &entry) != nil || entry.Level != "WARN" && entry.Level != "ERROR" || entry.Msg == "AWS SDK" {
		return false
	}
	return !strings.Contains(entry.Msg+entry.Error, "; ")
}

func TestAFailureWithoutANextStepIsSeen(t *testing.T) {
	for line, lacks := range map[string]bool{
		`{"level":"ERROR","msg":"rotation step failed","error":"logIn: the vendor answered 503; wait"}`: false,
		`{"level":"ERROR","msg":"rotation step failed","error":"logIn: the vendor answered 503"}`:       true,
		`{"level":"INFO","msg":"rotation step"}`:                                                        false,
	} {
		v := &verdict{}
		r := &reader{verdict: v}
		for _, part := range []string{line[:9], line[9:] + "\n"} {
			_, _ = r.Write([]byte(part))
		}
		if seen := len(v.found[stepless]) > 0; seen != lacks {
			t.Errorf("%s: seen %t", line, seen)
		}
	}
}
