package older_test

import (
	"testing"
	"time"

	"engage-token-rotation/pkg/internal/memstore"
	"engage-token-rotation/pkg/internal/older"
	"engage-token-rotation/pkg/ledger"
)

func TestEveryTimeOfTheLedgerMoves(t *testing.T) {
	store := memstore.New()
	l := ledger.New(store, "/p")
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	intent := ledger.NewIntent("arn:s", "v1", "attempt", now)
	intent.Until = now.Add(time.Minute)
	record := ledger.Record{
		Secret: "arn:s", Version: "v1", Fingerprint: "0123456789ab", State: ledger.Retiring,
		CreatedAt: now, At: now.Add(time.Hour), Until: now.Add(time.Minute),
	}
	for _, err := range []error{l.Begin(t.Context(), intent), l.Set(t.Context(), record), l.SetCursor(t.Context(),
		"user")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := older.Ledger(t.Context(), store, "/p", time.Hour); err != nil {
		t.Fatal(err)
	}
	view, err := l.Read(t.Context(), "arn:s")
	if err != nil || len(view.Unreadable) > 0 || len(view.Intents) != 1 || len(view.Records) != 1 {
		t.Fatalf("%+v, %v", view, err)
	}
	i, r := view.Intents[0], view.Records[0]
	for name, pair := range map[string][2]time.Time{
		"startedAt": {i.StartedAt, now}, "until of the intent": {i.Until, intent.Until},
		"createdAt": {r.CreatedAt, now}, "at": {r.At, record.At}, "until of the record": {r.Until, record.Until},
	} {
		if got, was := pair[0], pair[1]; !got.Equal(was.Add(-time.Hour)) {
			t.Errorf("%s is %v, was %v", name, got, was)
		}
	}
	if r.Fingerprint != record.Fingerprint || r.State != record.State || i.ID != intent.ID {
		t.Errorf("other fields changed: %+v, %+v", i, r)
	}
	if cursor, err := l.Cursor(t.Context()); cursor != "user" || err != nil {
		t.Errorf("the cursor is %q, %v", cursor, err)
	}
}
