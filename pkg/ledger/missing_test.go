package ledger_test

import (
	"testing"
	"time"

	"engage-token-rotation/pkg/internal/memstore"
	"engage-token-rotation/pkg/ledger"
)

func TestTheLedgerRemembersSinceWhenASecretIsMissing(t *testing.T) {
	store := memstore.New()
	book := ledger.New(store, "/p")
	if err := book.SetMissing(t.Context(), arn, start); err != nil {
		t.Fatal(err)
	}
	all, err := book.ReadAll(t.Context())
	if err != nil || !all.Missing[arn].Equal(start) || len(all.Unreadable)+len(all.Secrets) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if view, err := book.Read(t.Context(), arn); err != nil || len(view.Unreadable) > 0 {
		t.Errorf("the secret's own entries: %+v, %v", view, err)
	}
	name := ""
	for name = range store.Values {
	}
	for _, value := range []string{"", "x", `{"v":2,"secret":"` + arn + `","since":"2020-01-01T00:00:00Z"}`, `{"v":1}`} {
		store.Values[name] = value
		if all, err := book.ReadAll(t.Context()); err != nil || len(all.Missing)+len(all.Unreadable) > 0 {
			t.Errorf("%q: %+v, %v", value, all, err)
		}
	}
	if err := book.SetMissing(t.Context(), arn, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := book.EndMissing(t.Context(), arn); err != nil || len(store.Values) > 0 {
		t.Errorf("%v stay, %v", store.Values, err)
	}
}
