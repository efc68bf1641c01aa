package ledger_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/baseline"
	"engage-token-rotation/pkg/internal/memstore"
	"engage-token-rotation/pkg/ledger"
)

// full returns an intent and a record with every field set.
func full(t *testing.T) (ledger.Intent, ledger.Record) {
	t.Helper()
	made := tokens(t, 4)
	intent := ledger.NewIntent(arn, version, "request", start)
	intent.Base, intent.User, intent.Until, intent.Baseline = "base", user, start.Add(
		time.Minute,
	), baseline.Of(
		made,
	)
	r := record(made[0], ledger.Issued)
	r.At, r.Until, r.Base, r.Intent, r.User, r.SharedWith = start.Add(
		time.Hour,
	), start, "base", intent.ID, user, arn+"-other"
	return intent, r
}

func TestEntriesAreReadAsTheyWereWritten(t *testing.T) {
	store := memstore.New()
	book := ledger.New(store, "/p")
	intent, issued := full(t)
	retiring := record(tokens(t, 2)[1], ledger.Retiring)
	retiring.At, retiring.CreatedAt = start.Add(time.Hour), start.Add(time.Second)
	if err := errors.Join(book.Begin(t.Context(), intent), book.Set(t.Context(), issued), book.Set(t.Context(),
		retiring)); err != nil {
		t.Fatal(err)
	}
	want := ledger.View{Intents: []ledger.Intent{intent}, Records: []ledger.Record{issued, retiring}}
	view, err := book.Read(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, view, cmp.AllowUnexported(baseline.Tokens{})); diff != "" {
		t.Error(diff)
	}
	all, err := book.ReadAll(t.Context())
	if err != nil || len(all.Secrets) != 1 || len(all.Unreadable) != 0 {
		t.Fatalf("%v, %v", all, err)
	}
	if diff := cmp.Diff(want, all.Secrets[arn], cmp.AllowUnexported(baseline.Tokens{})); diff != "" {
		t.Error(diff)
	}
	if err := errors.Join(book.End(t.Context(), intent), book.Remove(t.Context(), issued), book.Remove(t.Context(),
		retiring)); err != nil {
		t.Error(err)
	}
	if len(store.Values) != 0 {
		t.Errorf("%d parameters stay", len(store.Values))
	}
}

func TestEntriesNameTheirFormAndHoldNoToken(t *testing.T) {
	store := memstore.New()
	book := ledger.New(store, "/p")
	intent, issued := full(t)
	issued.Form = 0 // the ledger sets it
	if err := errors.Join(book.Begin(t.Context(), intent), book.Set(t.Context(), issued)); err != nil {
		t.Fatal(err)
	}
	made := tokens(t, 4)
	for name, value := range store.Values {
		var entry struct{ V int }
		if err := json.Unmarshal([]byte(value), &entry); err != nil || entry.V != 1 {
			t.Errorf("%s: form %d, %v", name, entry.V, err)
		}
		for _, token := range made {
			if strings.Contains(name+value, token.Reveal()[6:14]) {
				t.Errorf("%s holds a token", name)
			}
		}
		if len(value) > 4096 {
			t.Errorf("%s takes %d characters", name, len(value))
		}
	}
}

// A rotation reads the entries of its own secret alone, however many secrets there are.
func TestEntriesAreKeyedBySecret(t *testing.T) {
	store := memstore.New()
	book := ledger.New(store, "/p")
	token := tokens(t, 1)[0]
	for _, secret := range []string{arn, arn + "x", "arn:aws:secretsmanager:us-east-1:123456789012:secret:other-AbCdEf"} {
		r := record(token, ledger.Issued) // one token may have a record with each of several secrets
		r.Secret = secret
		intent := ledger.NewIntent(secret, version, "request", start)
		if err := errors.Join(book.Set(t.Context(), r), book.Begin(t.Context(), intent)); err != nil {
			t.Fatal(err)
		}
	}
	view, err := book.Read(t.Context(), arn)
	if err != nil || len(view.Records) != 1 || len(view.Intents) != 1 || view.Records[0].Secret != arn {
		t.Errorf("%+v, %v", view, err)
	}
	for name := range store.Values {
		parts := strings.Split(strings.TrimPrefix(name, "/p/ledger/"), "/")
		if len(parts) != 2 || len(parts[0]) != 16 ||
			!strings.HasPrefix(parts[1], "token-") && !strings.HasPrefix(parts[1], "intent-") {
			t.Errorf("parameter %s", name)
		}
	}
	all, err := book.ReadAll(t.Context())
	if err != nil || len(all.Secrets) != 3 {
		t.Errorf("%d secrets, %v", len(all.Secrets), err)
	}
}

func TestEntriesAreInTheOrderOfTheirTimes(t *testing.T) {
	book := ledger.New(memstore.New(), "/p")
	for n, token := range tokens(t, 6) {
		r := record(token, ledger.Issued)
		r.CreatedAt = start.Add(-time.Duration(n) * time.Minute)
		intent := ledger.NewIntent(arn, version, token.String(), r.CreatedAt)
		if err := errors.Join(book.Set(t.Context(), r), book.Begin(t.Context(), intent)); err != nil {
			t.Fatal(err)
		}
	}
	view, err := book.Read(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	byCreation := func(a, b ledger.Record) int { return a.CreatedAt.Compare(b.CreatedAt) }
	byStart := func(a, b ledger.Intent) int { return a.StartedAt.Compare(b.StartedAt) }
	if !slices.IsSortedFunc(view.Records, byCreation) || !slices.IsSortedFunc(view.Intents, byStart) ||
		len(view.Records) != 6 {
		t.Errorf("%+v", view)
	}
}

func TestCreateLeavesARecordThatIsThere(t *testing.T) {
	book := ledger.New(memstore.New(), "/p")
	issued := record(tokens(t, 1)[0], ledger.Issued)
	unclaimed := issued
	unclaimed.State = ledger.Unclaimed
	if err := errors.Join(book.Create(t.Context(), issued), book.Create(t.Context(), unclaimed)); err != nil {
		t.Fatal(err)
	}
	if found, ok, err := book.Look(t.Context(), issued); err != nil || !ok || found != issued {
		t.Errorf("%+v, %v, %v", found, ok, err)
	}
	if err := book.Set(t.Context(), unclaimed); err != nil {
		t.Fatal(err)
	}
	if found, _, _ := book.Look(t.Context(), issued); found != unclaimed {
		t.Errorf("Set did not write over it: %+v", found)
	}
}

func TestLookReadsOneRecord(t *testing.T) {
	store := memstore.New()
	book := ledger.New(store, "/p")
	r := record(tokens(t, 1)[0], ledger.Retiring)
	if _, found, err := book.Look(t.Context(), r); err != nil || found {
		t.Errorf("of nothing: %v, %v", found, err)
	}
	if err := book.Set(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for name := range store.Values {
		store.Values[name] = `{"v":2}`
	}
	if _, found, err := book.Look(t.Context(), r); err == nil || found {
		t.Errorf("of another form: %v, %v", found, err)
	}
}

func TestAViewFindsRecordsAndAnswers(t *testing.T) {
	intent, issued := full(t)
	other := ledger.NewIntent(arn, version, "another request", start)
	view := ledger.View{Records: []ledger.Record{issued}, Intents: []ledger.Intent{intent, other}}
	if found, ok := view.Find(issued.Fingerprint); !ok || found != issued {
		t.Errorf("found %+v, %v", found, ok)
	}
	if _, ok := view.Find("0123456789ab"); ok {
		t.Error("an unknown token is found")
	}
	if !view.Answered(intent) || view.Answered(other) {
		t.Error("a record answers the intent that it names, and no other")
	}
}

func TestIntentsOfTwoAttemptsDiffer(t *testing.T) {
	ids := map[string]bool{}
	for _, secret := range []string{arn, arn + "x"} {
		for _, v := range []string{version, "x"} {
			for _, attempt := range []string{"a", "b"} {
				for _, now := range []time.Time{start, start.Add(1)} {
					ids[ledger.NewIntent(secret, v, attempt, now).ID] = true
				}
			}
		}
	}
	if len(ids) != 16 {
		t.Errorf("%d ids of 16 intents", len(ids))
	}
}

func TestAnIntentIsOverWhenItsCreationMustShow(t *testing.T) {
	intent := ledger.NewIntent(arn, version, "request", start)
	intent.Until = start.Add(time.Minute)
	end := intent.Until.Add(ledger.Propagation)
	if intent.Over(end) || !intent.Over(end.Add(1)) {
		t.Error("an intent is over after its deadline and the propagation time")
	}
}

func TestAFailingStoreIsReportedWithTheParametersName(t *testing.T) {
	store := memstore.New()
	book := ledger.New(store, "/p")
	intent, r := full(t)
	for _, kind := range []string{"create", "set", "get", "list", "delete"} {
		store.Fail[kind] = errBroken
	}
	_, readErr := book.Read(t.Context(), arn)
	_, allErr := book.ReadAll(t.Context())
	_, _, lookErr := book.Look(t.Context(), r)
	_, cursorErr := book.Cursor(t.Context())
	for name, err := range map[string]error{
		"begin": book.Begin(t.Context(), intent), "end": book.End(t.Context(), intent), "create": book.Create(t.Context(), r),
		"set": book.Set(t.Context(), r), "remove": book.Remove(t.Context(), r), "look": lookErr, "read": readErr,
		"read all": allErr, "cursor": cursorErr, "set cursor": book.SetCursor(t.Context(), user),
	} {
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "/p/ledger") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What another edition of this program may have written is neither used nor touched.
func TestWhatIsNotAnEntryOfThisFormIsReportedAndLeftAlone(t *testing.T) {
	store := memstore.New()
	book := ledger.New(store, "/p")
	intent, issued := full(t)
	if err := errors.Join(book.Set(t.Context(), issued), book.Begin(t.Context(), intent)); err != nil {
		t.Fatal(err)
	}
	path, recordText, intentText := "", "", ""
	for name, value := range store.Values {
		path = name[:strings.LastIndexByte(name, '/')+1]
		if strings.Contains(name, "/token-") {
			recordText = value
		} else {
			intentText = value
		}
	}
	with := func(text, old, new string) string { return strings.Replace(text, old, new, 1) }
	odd := map[string]string{
		"intent-x": "{}", "intent-y": "not JSON", "token-z": `{"v":1,"state":"issued"}`, "other": "{}", "token-2": "null",
		"token-ffffffffffff":      recordText, // a record under the name of another
		"intent-0000000000000000": intentText,
		"token-0123456789ab": with(
			with(recordText, string(issued.Fingerprint), "0123456789ab"),
			`"v":1`,
			`"v":2`,
		),
		"token-0123456789ac": with(
			with(recordText, string(issued.Fingerprint), "0123456789ac"),
			`"v":1,`,
			``,
		),
		"token-0123456789ad": with(
			with(recordText, string(issued.Fingerprint), "0123456789ad"),
			`"issued"`,
			`"stray"`,
		),
		"token-0123456789ae": with(
			with(recordText, string(issued.Fingerprint), "0123456789ae"),
			issued.Secret,
			"",
		),
		"token-hunter2hunte": with(recordText, string(issued.Fingerprint), "hunter2hunte"),
		"intent-1111111111111111": with(
			with(intentText, intent.ID, "1111111111111111"),
			`"v":1`,
			`"v":2`,
		),
		"token-" + string(issued.Fingerprint) + "x": recordText,
	}
	for name, text := range odd {
		store.Values[path+name] = text
	}
	before := maps.Clone(store.Values)
	view, err := book.Read(t.Context(), arn)
	if err != nil || len(view.Records) != 1 || len(view.Intents) != 1 || len(view.Unreadable) != len(odd) {
		t.Errorf("%d records, %d intents, unreadable %v, %v", len(view.Records), len(view.Intents), view.Unreadable, err)
	}
	all, err := book.ReadAll(t.Context())
	if err != nil || len(all.Unreadable) != len(odd) || len(all.Secrets) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if !maps.Equal(before, store.Values) {
		t.Error("reading changed the parameters")
	}
}

func TestTheCursorIsNotAnEntry(t *testing.T) {
	book := ledger.New(memstore.New(), "/p")
	if at, err := book.Cursor(t.Context()); at != "" || err != nil {
		t.Errorf("at first: %q, %v", at, err)
	}
	if err := book.SetCursor(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	if at, err := book.Cursor(t.Context()); at != user || err != nil {
		t.Errorf("cursor %q, %v", at, err)
	}
	if all, err := book.ReadAll(t.Context()); err != nil || len(all.Unreadable)+len(all.Secrets) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// The Parameter Store refuses an empty value.
func TestTheCursorOfAWholeSweepCanBeStored(t *testing.T) {
	store := memstore.New()
	book := ledger.New(store, "/p")
	if err := errors.Join(book.SetCursor(t.Context(), user), book.SetCursor(t.Context(), "")); err != nil {
		t.Fatal(err)
	}
	for name, value := range store.Values {
		if value == "" {
			t.Errorf("%s is stored without a value", name)
		}
	}
	if at, err := book.Cursor(t.Context()); at != "" || err != nil {
		t.Errorf("cursor %q, %v", at, err)
	}
}

func TestUsersAreNamedByHostAndName(t *testing.T) {
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
			for _, password := range []string{"hunter1", "hunter2"} {
				names[ledger.NewUser(endpoint(host), engage.Credentials{Username: name, Password: hidden.New(password)})] = true
			}
		}
	}
	if len(names) != 4 {
		t.Errorf("%d names for 4 users", len(names))
	}
}

func TestABaselineKnowsItsTokensAndFitsAParameter(t *testing.T) {
	all := tokens(t, 1000)
	for _, n := range []int{0, 1, 349, 350, 351, 524, 525, 526, 699, 700, 701, 900} {
		known := baseline.Of(all[:n])
		intent := ledger.NewIntent(arn+strings.Repeat("x", 500), strings.Repeat("v", 64), "request", start)
		intent.Base, intent.User, intent.Baseline = strings.Repeat("b", 64), user, known
		store := memstore.New()
		if err := ledger.New(store, "/p").Begin(t.Context(), intent); err != nil {
			t.Fatal(err)
		}
		for _, value := range store.Values {
			if len(value) > 4096 {
				t.Errorf("%d tokens take %d characters", n, len(value))
			}
		}
		view, _ := ledger.New(store, "/p").Read(t.Context(), intent.Secret)
		if len(view.Intents) != 1 {
			t.Fatalf("%d tokens: unreadable", n)
		}
		for _, read := range []baseline.Tokens{known, view.Intents[0].Baseline} {
			if fits := n <= 700; read.Known() != fits {
				t.Errorf("%d tokens: known %v", n, read.Known())
			}
			for _, token := range all[:n] {
				if read.Known() && !read.Contains(token.Fingerprint()) {
					t.Fatalf("%d tokens: one is not known", n)
				}
			}
		}
		others := func(token engage.Token) bool { return !known.Contains(token.Fingerprint()) }
		if known.Known() && !slices.ContainsFunc(all[950:953], others) {
			t.Errorf("%d tokens: others are known too", n)
		}
	}
}
