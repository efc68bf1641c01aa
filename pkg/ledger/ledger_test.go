package ledger_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/ledger"
)

func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	store := newShelf()
	book := ledger.New(store, "/p")
	made := tokens(t, 4)
	intent := ledger.NewIntent(arn, version, "request", start)
	intent.Base, intent.Until, intent.Baseline = "base", start.Add(time.Minute), ledger.NewBaseline(made)
	if err := book.Begin(t.Context(), user, intent); err != nil {
		t.Fatal(err)
	}
	issued, retiring := record(made[0], ledger.Issued), record(made[1], ledger.Retiring)
	issued.Intent, issued.Adopted, issued.Until = intent.ID, true, start
	retiring.NotBefore, retiring.CreatedAt = start.Add(time.Hour), start.Add(time.Second)
	if _, won, err := book.Claim(t.Context(), user, issued); err != nil || !won {
		t.Fatal(won, err)
	}
	if err := book.Set(t.Context(), user, retiring); err != nil {
		t.Fatal(err)
	}
	view, err := book.Read(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ledger.View{Intents: []ledger.Intent{intent}, Tokens: []ledger.Token{issued, retiring}}, view, cmp.AllowUnexported(ledger.Baseline{})); diff != "" {
		t.Error(diff)
	}
	all, err := book.ReadAll(t.Context())
	if err != nil || len(all) != 1 || len(all[user].Tokens) != 2 {
		t.Errorf("%v, %v", all, err)
	}
	for name, value := range store.values {
		if strings.Contains(value, made[0].Reveal()[6:14]) || len(value) > 4096 {
			t.Errorf("%s holds a token, or too much", name)
		}
	}
	if err := errors.Join(book.End(t.Context(), user, intent), book.Remove(t.Context(), user, issued), book.Remove(t.Context(), user, retiring)); err != nil || len(store.values) != 0 {
		t.Errorf("%v; %d parameters left", err, len(store.values))
	}
}

func TestOfManyClaimsOfATokenOneWins(t *testing.T) {
	book := ledger.New(newShelf(), "/p")
	token := tokens(t, 1)[0]
	var wins atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			claim := record(token, ledger.Issued)
			claim.Version = strings.Repeat(string(rune('a'+i)), 36)
			found, won, err := book.Claim(t.Context(), user, claim)
			if err != nil {
				t.Error(err)
			}
			if won {
				wins.Add(1)
			} else if found.Version == claim.Version {
				t.Error("lost to itself")
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d winners", wins.Load())
	}
}

// An answer that was lost makes the repeated creation find its own record.
func TestAClaimThatFindsItselfHasWon(t *testing.T) {
	book := ledger.New(newShelf(), "/p")
	claim := record(tokens(t, 1)[0], ledger.Issued)
	for range 2 {
		if _, won, err := book.Claim(t.Context(), user, claim); err != nil || !won {
			t.Fatal(won, err)
		}
	}
}

func TestOneTokenOfTwoSecretsHasTwoRecords(t *testing.T) {
	book := ledger.New(newShelf(), "/p")
	first := record(tokens(t, 1)[0], ledger.Issued)
	second := first
	second.Secret += "x"
	for _, claim := range []ledger.Token{first, second} {
		if _, won, err := book.Claim(t.Context(), user, claim); err != nil || !won {
			t.Fatal(won, err)
		}
	}
	if view, _ := book.Read(t.Context(), user); len(view.Tokens) != 2 {
		t.Errorf("%d records", len(view.Tokens))
	}
}

func TestAFailingStoreIsToldWithTheParametersName(t *testing.T) {
	store := newShelf()
	book := ledger.New(store, "/p")
	token, intent := record(tokens(t, 1)[0], ledger.Issued), ledger.NewIntent(arn, version, "request", start)
	for _, kind := range []string{"create", "set", "list", "delete"} {
		store.fail[kind] = errBroken
	}
	_, _, claimErr := book.Claim(t.Context(), user, token)
	_, readErr := book.Read(t.Context(), user)
	_, allErr := book.ReadAll(t.Context())
	for name, err := range map[string]error{
		"begin": book.Begin(t.Context(), user, intent), "end": book.End(t.Context(), user, intent), "claim": claimErr, "set": book.Set(t.Context(), user, token),
		"remove": book.Remove(t.Context(), user, token), "read": readErr, "read all": allErr,
	} {
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "/p/ledger") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNoRecordIsReportedAndLeftAlone(t *testing.T) {
	store := newShelf()
	book := ledger.New(store, "/p")
	token := record(tokens(t, 1)[0], ledger.Issued)
	if _, _, err := book.Claim(t.Context(), user, token); err != nil {
		t.Fatal(err)
	}
	var name, value string
	for name, value = range store.values {
	}
	path := "/p/ledger/" + string(user) + "/"
	for other, text := range map[string]string{
		"intent-x": "{}", "intent-y": "not JSON", "token-z": `{"state":"issued"}`, "token-1": `{"fingerprint":"0123456789ab","state":"hunter"}`, "other": "{}", "token-2": "null",
		"token-ffffffffffff-00000000": value, // a record under another's name
		"intent-":                     `{"id":"","startedAt":"2026-03-01T12:00:00Z"}`,
	} {
		store.values[path+other] = text
	}
	view, err := book.Read(t.Context(), user)
	if err != nil || len(view.Tokens) != 1 || len(view.Intents) > 1 || len(view.Unreadable) < 7 {
		t.Errorf("%d tokens, %d intents, unreadable %v, %v", len(view.Tokens), len(view.Intents), view.Unreadable, err)
	}
	if _, ok := store.values[name]; !ok {
		t.Error("the record is gone")
	}
}

func TestUsersDoNotShareRecords(t *testing.T) {
	endpoint := func(host string) engage.Endpoint {
		base, err := engage.ParseBaseURL(host)
		if err != nil {
			t.Fatal(err)
		}
		return engage.Endpoint{BaseURL: base}
	}
	names := map[ledger.User]bool{}
	for _, host := range []string{"https://engage.ringcentral.com", "https://ringcx.ringcentral.com"} {
		for _, name := range []string{"a", "b"} {
			names[ledger.NewUser(endpoint(host), engage.Credentials{Username: name, Password: hidden.New("hunter2")})] = true
		}
	}
	if len(names) != 4 {
		t.Errorf("%d names for 4 users", len(names))
	}
}

func TestATokenIsDueAtItsTime(t *testing.T) {
	for state, want := range map[ledger.State]bool{ledger.Issued: false, ledger.Unclaimed: false, ledger.Retiring: true, ledger.Stray: true} {
		token := ledger.Token{State: state, NotBefore: start}
		if token.Due(start.Add(-1)) || token.Due(start) != want {
			t.Errorf("%s", state)
		}
	}
}

func TestABaselineKnowsItsTokensAndFitsAParameter(t *testing.T) {
	all := tokens(t, 1000)
	for _, n := range []int{0, 1, 349, 350, 351, 524, 525, 526, 699, 700, 701, 900} {
		baseline := ledger.NewBaseline(all[:n])
		intent := ledger.NewIntent(arn+strings.Repeat("x", 500), strings.Repeat("v", 64), "request", start)
		intent.Base, intent.Baseline = strings.Repeat("b", 64), baseline
		store := newShelf()
		if err := ledger.New(store, "/p").Begin(t.Context(), user, intent); err != nil {
			t.Fatal(err)
		}
		for _, value := range store.values {
			if len(value) > 4096 {
				t.Errorf("%d tokens take %d characters", n, len(value))
			}
		}
		view, _ := ledger.New(store, "/p").Read(t.Context(), user)
		if len(view.Intents) != 1 {
			t.Fatalf("%d tokens: unreadable", n)
		}
		for _, read := range []ledger.Baseline{baseline, view.Intents[0].Baseline} {
			if known := n <= 700; read.Known() != known {
				t.Errorf("%d tokens: known %v", n, read.Known())
			}
			for _, token := range all[:n] {
				if read.Known() && !read.Contains(token.Fingerprint()) {
					t.Fatalf("%d tokens: one is not known", n)
				}
			}
		}
		if baseline.Known() && n < 900 && baseline.Contains(all[950].Fingerprint()) && baseline.Contains(all[951].Fingerprint()) && baseline.Contains(all[952].Fingerprint()) {
			t.Errorf("%d tokens: others are known too", n)
		}
	}
}

// A record that stays is removed when the deletion is noted once more.
func TestTheRecordOfADeletedTokenStaysWhereItMightBeTakenForAnOpenCreationsWork(t *testing.T) {
	made := tokens(t, 3)
	token := record(made[2], ledger.Retiring)
	token.Intent = "its own"
	its := intentAt(arn, 0, made[:2]...)
	its.ID = token.Intent
	doubted, settled := intentAt(arn, 0, made[:2]...), intentAt(arn, time.Second, made[:2]...)
	doubted.InDoubt = true
	othersDoubted := doubted
	othersDoubted.Version = "another"
	found := token
	found.Adopted, its.InDoubt = true, true
	cases := map[string]struct {
		token ledger.Token
		view  ledger.View
		stays bool
	}{
		"nothing is open":                  {token: token},
		"its own intent":                   {token: token, view: ledger.View{Intents: []ledger.Intent{its}}},
		"another creation":                 {token: token, view: ledger.View{Intents: []ledger.Intent{intentAt(arn, 0, made[:2]...)}}, stays: true},
		"another secret's":                 {token: token, view: ledger.View{Intents: []ledger.Intent{intentAt(arn+"-other", 0, made[:2]...)}}, stays: true},
		"a creation after it was listed":   {token: token, view: ledger.View{Intents: []ledger.Intent{intentAt(arn, 0, made...)}}},
		"another version's, in doubt":      {token: token, view: ledger.View{Intents: []ledger.Intent{othersDoubted}}},
		"its version's, in doubt":          {token: token, view: ledger.View{Intents: []ledger.Intent{doubted}}, stays: true},
		"its own, where it was found":      {token: found, view: ledger.View{Intents: []ledger.Intent{its}}, stays: true},
		"a creation that a record settles": {token: token, view: ledger.View{Intents: []ledger.Intent{settled}, Tokens: []ledger.Token{settledBy(settled, made[1])}}},
		"a creation without a listing":     {token: token, view: ledger.View{Intents: []ledger.Intent{ledger.NewIntent(arn, version, "x", start)}}},
		"a stray":                          {token: ledger.Token{Fingerprint: made[2].Fingerprint(), State: ledger.Stray}, view: ledger.View{Intents: []ledger.Intent{intentAt(arn, 0, made[:2]...)}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			book := ledger.New(newShelf(), "/p")
			if err := book.Set(t.Context(), user, c.token); err != nil {
				t.Fatal(err)
			}
			for _, stays := range []bool{c.stays, false} {
				if err := book.NoteDeleted(t.Context(), user, c.view, c.token, start.Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				after, err := book.Read(t.Context(), user)
				if err != nil {
					t.Fatal(err)
				}
				standing, found := after.Find(c.token.Secret, c.token.Fingerprint)
				if found != stays {
					t.Fatalf("there is a record: %t, want %t", found, stays)
				}
				if stays && (!standing.Lingers(start.Add(time.Hour)) || standing.Due(start)) {
					t.Errorf("the record does not tell of the deletion: %+v", standing)
				}
				if found {
					c.token = standing
				}
			}
		})
	}
}
