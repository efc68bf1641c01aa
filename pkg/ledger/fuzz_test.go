package ledger_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// FuzzRecords: any parameters give a view of sound records, or are reported; what is read is written the same again, and
// the proofs bear it.
func FuzzRecords(f *testing.F) {
	store := newShelf()
	book := ledger.New(store, "/p")
	made := tokens(f, 3)
	intent := ledger.NewIntent(arn, version, "request", start)
	intent.Baseline = ledger.NewBaseline(made[:2])
	_ = book.Begin(context.Background(), user, intent)
	_, _, _ = book.Claim(context.Background(), user, record(made[0], ledger.Issued))
	_ = book.Set(context.Background(), user, record(made[1], ledger.Retiring))
	for name, value := range store.values {
		f.Add(strings.TrimPrefix(name, "/p/ledger/"+string(user)+"/"), value)
	}
	for _, value := range []string{"", "null", "{}", "[]", `{"id":"x"}`, `{"id":"x","baseline":{"width":32,"digests":""}}`, `{"id":"x","baseline":{"width":7,"digests":"AAAAAAAAAA"}}`,
		`{"id":"x","baseline":{"width":-1}}`, `{"id":"x","baseline":{"width":6,"digests":"AAAA"}}`, `{"id":"x","startedAt":"0000-01-01T00:00:00Z"}`, `{"id":"x","until":"99999-01-01T00:00:00Z"}`} {
		f.Add("intent-x", value)
	}
	f.Add("token-0123456789ab-00000000", `{"fingerprint":"0123456789ab","state":"issued"}`)
	f.Add("token-ABCDEF012345-00000000", `{"fingerprint":"ABCDEF012345","state":"stray","notBefore":"2026-01-01T00:00:00+23:59"}`)
	f.Fuzz(func(t *testing.T, name, value string) {
		path := "/p/ledger/" + string(user) + "/"
		if strings.Contains(name, "/") {
			return
		}
		store := newShelf()
		store.values[path+name] = value
		book := ledger.New(store, "/p")
		view, err := book.Read(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		if len(view.Intents)+len(view.Tokens)+len(view.Unreadable) != 1 {
			t.Fatalf("one parameter became %+v", view)
		}
		for _, token := range view.Tokens {
			if len(token.Fingerprint) != 12 || token.State == "" {
				t.Fatalf("record %+v", token)
			}
			_ = token.Due(start)
			if err := book.Set(t.Context(), user, token); err != nil {
				t.Fatal(err)
			}
			if len(store.values) != 1 {
				t.Fatalf("the record is written elsewhere than it was read: %d parameters", len(store.values))
			}
		}
		for _, intent := range view.Intents {
			checkBaseline(t, intent.Baseline, made)
			if err := book.Begin(t.Context(), user, intent); err != nil {
				t.Fatal(err)
			}
			if len(store.values) != 1 {
				t.Fatalf("the intent is written elsewhere than it was read: %d parameters", len(store.values))
			}
		}
		for _, now := range []time.Time{start, start.Add(time.Hour), start.Add(1000 * time.Hour)} {
			proof := ledger.NewProof(view, arn, made, now)
			for range 4 {
				if _, token, ok := proof.Next(); ok && token.IsZero() {
					t.Fatal("no token is proven")
				}
			}
			_, _, _, _ = proof.Open(), proof.Settled(), proof.Expired(), proof.Waiting()
		}
	})
}

// checkBaseline: a baseline that is known was made of fingerprints, so that it can hold one.
func checkBaseline(t *testing.T, baseline ledger.Baseline, made []engage.Token) {
	t.Helper()
	encoded, err := json.Marshal(baseline)
	if err != nil {
		t.Fatal(err)
	}
	var again ledger.Baseline
	if err := json.Unmarshal(encoded, &again); err != nil {
		t.Fatalf("%s cannot be read again: %v", encoded, err)
	}
	for _, token := range made {
		if baseline.Contains(token.Fingerprint()) != again.Contains(token.Fingerprint()) || baseline.Known() != again.Known() {
			t.Fatalf("%s changes by being written", encoded)
		}
	}
}

// FuzzLogins: no history makes the counter panic, hang, or refuse for longer than its window.
func FuzzLogins(f *testing.F) {
	for _, seed := range [][2]string{{"user-0", "2026-03-01T12:00:00Z"}, {"user-9223372036854775807", "x"}, {"user--5", ""}, {"user-4", "9999-12-31T23:59:59Z"}, {"other-1", "x"}, {"user-00", "0000-01-01T00:00:00Z"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if strings.Contains(name, "/") {
			return
		}
		store := newShelf()
		store.values["/p/logins/"+name] = value
		logins, now := counter(store)
		for range 3 * ledger.MaxLogins {
			_ = logins.Acquire(t.Context(), nil, "user")
		}
		*now = now.Add(2 * (ledger.LoginWindow + ledger.LoginMargin))
		if err := logins.Acquire(t.Context(), nil, "user"); err != nil {
			t.Fatalf("%q=%q: %v", name, value, err)
		}
	})
}
