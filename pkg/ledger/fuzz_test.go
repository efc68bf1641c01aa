package ledger_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/baseline"
	"engage-token-rotation/pkg/internal/memstore"
	"engage-token-rotation/pkg/ledger"
)

// secretPath returns where the entries of the secret arn are.
func secretPath(t testing.TB) string {
	t.Helper()
	store := memstore.New()
	if err := ledger.New(store, "/p").Begin(t.Context(), ledger.NewIntent(arn, version, "request", start)); err != nil {
		t.Fatal(err)
	}
	for name := range store.Values {
		return name[:strings.LastIndexByte(name, '/')+1]
	}
	return ""
}

// FuzzRecords: any parameters give a view of sound entries, or are reported; what is read is
// written the same again, at the same place unless it names another secret.
func FuzzRecords(f *testing.F) {
	store := memstore.New()
	book := ledger.New(store, "/p")
	made := tokens(f, 3)
	intent := ledger.NewIntent(arn, version, "request", start)
	intent.Baseline = baseline.Of(made[:2])
	if err := errors.Join(book.Begin(f.Context(), intent), book.Set(f.Context(), record(made[0], ledger.Issued)),
		book.Set(f.Context(), record(made[1], ledger.Retiring))); err != nil {
		f.Fatal(err)
	}
	path := secretPath(f)
	for name, value := range store.Values {
		f.Add(strings.TrimPrefix(name, path), value)
	}
	for _, value := range []string{
		"", "null", "{}", "[]", `{"v":1,"id":"x"}`, `{"v":1,"id":"x","secret":"s","baseline":{"width":32,"digests":""}}`,
		`{"v":1,"id":"x","secret":"s","baseline":{"width":7,"digests":"AAAAAAAAAA"}}`, `{"v":2,"id":"x","secret":"s"}`,
		`{"v":1,"id":"x","secret":"s","baseline":{"width":-1}}`,
		`{"v":1,"id":"x","secret":"s","baseline":{"width":6,"digests":"AAAA"}}`,
		`{"v":1,"id":"x","secret":"s","startedAt":"0000-01-01T00:00:00Z"}`,
		`{"v":1,"id":"x","secret":"s","until":"99999-01-01T00:00:00Z"}`,
	} {
		f.Add("intent-x", value)
	}
	f.Add("token-0123456789ab", `{"v":1,"secret":"s","fingerprint":"0123456789ab","state":"issued"}`)
	f.Add(
		"token-ABCDEF012345",
		`{"v":1,"secret":"s","fingerprint":"ABCDEF012345","state":"deleted","at":"2026-01-01T00:00:00+23:59"}`,
	)
	f.Fuzz(func(t *testing.T, name, value string) {
		if strings.Contains(name, "/") {
			return
		}
		store := memstore.New()
		store.Values[path+name] = value
		book := ledger.New(store, "/p")
		view, err := book.Read(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		if len(view.Intents)+len(view.Records)+len(view.Unreadable) != 1 {
			t.Fatalf("one parameter became %+v", view)
		}
		for _, r := range view.Records {
			if len(r.Fingerprint) != 12 || r.State == "" || r.Secret == "" || r.Form != 1 {
				t.Fatalf("record %+v", r)
			}
			if err := book.Set(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			again, found, err := book.Look(t.Context(), r)
			if err != nil || !found || again.State != r.State || !again.At.Equal(r.At) {
				t.Fatalf("%+v is read again as %+v, %v, %v", r, again, found, err)
			}
			wantOne(t, store, r.Secret)
		}
		for _, intent := range view.Intents {
			checkBaseline(t, intent.Baseline, made)
			if err := book.Begin(t.Context(), intent); err != nil {
				t.Fatal(err)
			}
			wantOne(t, store, intent.Secret)
		}
	})
}

// wantOne checks that an entry of the secret arn was written where it was read.
func wantOne(t *testing.T, store *memstore.Store, secret string) {
	t.Helper()
	if secret == arn && len(store.Values) != 1 {
		t.Fatalf("the entry is written elsewhere than it was read: %d parameters", len(store.Values))
	}
}

// checkBaseline: a baseline is the same after it was written and read.
func checkBaseline(t *testing.T, known baseline.Tokens, made []engage.Token) {
	t.Helper()
	encoded, err := json.Marshal(known)
	if err != nil {
		t.Fatal(err)
	}
	var again baseline.Tokens
	if err := json.Unmarshal(encoded, &again); err != nil {
		t.Fatalf("%s cannot be read again: %v", encoded, err)
	}
	for _, token := range made {
		if known.Contains(token.Fingerprint()) != again.Contains(token.Fingerprint()) ||
			known.Known() != again.Known() {
			t.Fatalf("%s changes by being written", encoded)
		}
	}
}
