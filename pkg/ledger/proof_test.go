package ledger_test

import (
	"slices"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// intentAt is an intent of a secret that began some time after start, with a minute for its invocation, over a listing.
func intentAt(secret string, after time.Duration, listed ...engage.Token) ledger.Intent {
	intent := ledger.NewIntent(secret, version, "request", start.Add(after))
	intent.Until, intent.Baseline = start.Add(after+time.Minute), ledger.NewBaseline(listed)
	return intent
}

// What is proven, and what is left in doubt. Unless a case says so, the secret's one intent began at start over a list of
// the tokens 0 and 1, and now is ten minutes later.
func TestATokenIsProvenOursOnlyWhereNothingElseExplainsIt(t *testing.T) {
	made := tokens(t, 6)
	ours := intentAt(arn, 0, made[:2]...)
	other := arn + "-other"
	with := func(intents ...ledger.Intent) ledger.View { return ledger.View{Intents: intents} }
	cases := map[string]struct {
		view   ledger.View
		listed []engage.Token
		after  time.Duration
		adjust func(*ledger.Proof)
		want   int // index of the token, -1: none
	}{
		"one appeared":                      {view: with(ours), listed: made[:3], want: 2},
		"one appeared, another vanished":    {view: with(ours), listed: made[1:3], want: 2},
		"none appeared":                     {view: with(ours), listed: made[:2], want: -1},
		"two appeared":                      {view: with(ours), listed: made[:4], want: -1},
		"two appeared, one has a record":    {view: ledger.View{Intents: []ledger.Intent{ours}, Tokens: []ledger.Token{record(made[3], ledger.Retiring)}}, listed: made[:4], want: 2},
		"the one that appeared is excluded": {view: with(ours), listed: made[:3], adjust: func(p *ledger.Proof) { p.Exclude(made[2].Fingerprint()) }, want: -1},
		"the one has a record":              {view: ledger.View{Intents: []ledger.Intent{ours}, Tokens: []ledger.Token{record(made[2], ledger.Unclaimed)}}, listed: made[:3], want: -1},
		"two appeared, one is excluded":     {view: with(ours), listed: made[:4], adjust: func(p *ledger.Proof) { p.Exclude(made[3].Fingerprint()) }, want: 2},
		"another one is in doubt":           {view: ledger.View{Intents: []ledger.Intent{ours}, Tokens: []ledger.Token{record(made[3], ledger.Unclaimed)}}, listed: made[:4], want: -1},
		"a record names the intent":         {view: ledger.View{Intents: []ledger.Intent{ours}, Tokens: []ledger.Token{settledBy(ours, made[4])}}, listed: made[:3], want: -1},
		"at the end of the hour":            {view: with(ours), listed: made[:3], after: ledger.ProofWindow, want: 2},
		"after the hour":                    {view: with(ours), listed: made[:3], after: ledger.ProofWindow + 1, want: -1},
		"no baseline":                       {view: with(ledger.NewIntent(arn, version, "x", start)), listed: made[:1], want: -1},
		"an empty list before":              {view: with(intentAt(arn, 0)), listed: made[:1], want: 0},
		"another secret's intent is open":   {view: with(ours, intentAt(other, time.Second, made[:2]...)), listed: made[:3], want: -1},
		"another's, begun before":           {view: with(intentAt(other, -2*time.Minute, made[:2]...), ours), listed: made[:3], want: -1},
		"another's, over and seen before":   {view: with(intentAt(other, -4*time.Minute, made[:2]...), ours), listed: made[:3], want: 2},
		"another's, with a record": {view: ledger.View{Intents: []ledger.Intent{ours, intentAt(other, time.Second, made[:2]...)},
			Tokens: []ledger.Token{settledBy(intentAt(other, time.Second, made[:2]...), made[3])}}, listed: made[:4], want: 2},
		"a later one's invocation is at work": {view: with(ours, intentAt(arn, 2*time.Minute, made[:2]...)), listed: made[:3], after: 2*time.Minute + 30*time.Second,
			adjust: func(p *ledger.Proof) { p.OnlyEnded = true }, want: -1},
		"an unreadable parameter":        {view: ledger.View{Intents: []ledger.Intent{ours}, Unreadable: []string{"/p/ledger/x"}}, listed: made[:3], want: -1},
		"the invocation is at work":      {view: with(ours), listed: made[:3], after: 30 * time.Second, adjust: func(p *ledger.Proof) { p.OnlyEnded = true }, want: -1},
		"the invocation is over":         {view: with(ours), listed: made[:3], after: 61 * time.Second, adjust: func(p *ledger.Proof) { p.OnlyEnded = true }, want: 2},
		"the intent is another secret's": {view: with(intentAt(other, 0, made[:2]...)), listed: made[:3], want: -1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			after := c.after
			if after == 0 {
				after = 10 * time.Minute
			}
			proof := ledger.NewProof(c.view, arn, c.listed, start.Add(after))
			if c.adjust != nil {
				c.adjust(proof)
			}
			_, token, ok := proof.Next()
			switch {
			case c.want < 0 && ok:
				t.Errorf("token %d counts as proven", slices.Index(made, token))
			case c.want >= 0 && (!ok || token != made[c.want]):
				t.Errorf("token %d is not proven", c.want)
			case ok:
				if _, _, again := proof.Next(); again {
					t.Error("proven twice")
				}
				if len(proof.Open()) != 1 {
					t.Error("the intent does not stay until its creation would have shown")
				}
			}
		})
	}
}

func settledBy(intent ledger.Intent, token engage.Token) ledger.Token {
	r := record(token, ledger.Issued)
	r.Secret, r.Intent = intent.Secret, intent.ID
	return r
}

func TestWhatMayHaveComeOfTwoIntentsLeavesOneInDoubt(t *testing.T) {
	made := tokens(t, 6)
	cases := map[string]struct {
		older, newer ledger.Intent
		listed       []engage.Token
		want         []engage.Token // as they are proven
		later        bool           // whether one that appears later is proven too
	}{
		"one token, two listings without it": {intentAt(arn, 0, made[:2]...), intentAt(arn, time.Second, made[:2]...), made[:3], made[2:3], false},
		"a token between the two listings":   {intentAt(arn, 0, made[:2]...), intentAt(arn, time.Second, made[:3]...), made[:3], made[2:3], true},
		"one token for each":                 {intentAt(arn, 0, made[:2]...), intentAt(arn, time.Second, made[:3]...), made[:4], made[3:4], false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			book := ledger.New(newShelf(), "/p")
			for _, intent := range []ledger.Intent{c.older, c.newer} {
				if err := book.Begin(t.Context(), user, intent); err != nil {
					t.Fatal(err)
				}
			}
			proven := func(listed []engage.Token) (all []engage.Token) {
				view, err := book.Read(t.Context(), user)
				if err != nil {
					t.Fatal(err)
				}
				proof := ledger.NewProof(view, arn, listed, start.Add(30*time.Second))
				for {
					intent, token, ok := proof.Next()
					if !ok {
						return all
					}
					if standing, _, err := book.Attribute(t.Context(), user, proof, settledBy(intent, token)); err != nil || standing.Intent != intent.ID {
						t.Fatal(standing, err)
					}
					all = append(all, token)
				}
			}
			if got := proven(c.listed); !slices.Equal(got, c.want) {
				t.Errorf("%d tokens are proven, or others", len(got))
			}
			// The records are gone by then, since the tokens were deleted.
			view, err := book.Read(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range view.Tokens {
				if err := book.Forget(t.Context(), user, view, record); err != nil {
					t.Fatal(err)
				}
			}
			if got := proven(append(made[:2:2], made[5])); len(got) > 0 != c.later {
				t.Errorf("later: %d tokens are proven", len(got))
			}
		})
	}
}

func TestAVersionThatHoldsATokenTellsOfItsIntent(t *testing.T) {
	made := tokens(t, 5)
	intent := intentAt(arn, 0, made[:2]...)
	cases := map[string]struct {
		view   ledger.View
		listed []engage.Token
		held   engage.Token
		proven bool // by what is held
		next   int  // which token is proven afterwards, or -1
	}{
		"it holds none":                       {listed: made[:3], next: 2},
		"it holds the token":                  {listed: made[:3], held: made[2], proven: true, next: -1},
		"it holds one of several":             {listed: made[:4], held: made[2], proven: true, next: -1},
		"it holds a dead one":                 {listed: append(made[:2:2], made[3]), held: made[2], next: -1},
		"it holds a token of before":          {listed: made[:3], held: made[1], next: 2},
		"it holds one that was recorded late": {view: ledger.View{Tokens: []ledger.Token{record(made[3], ledger.Retiring)}}, listed: made[:3], held: made[3], next: -1},
		"it holds one that has its record":    {view: ledger.View{Tokens: []ledger.Token{settledBy(intentAt(arn, -time.Second), made[3])}}, listed: made[:4], held: made[3], next: 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.view.Intents = append(c.view.Intents, intent)
			proof := ledger.NewProof(c.view, arn, c.listed, start.Add(10*time.Minute))
			if proven := proof.Hold(intent, c.held.Fingerprint()); proven != c.proven {
				t.Errorf("proven: %v", proven)
			}
			if _, token, ok := proof.Next(); ok != (c.next >= 0) || ok && token != made[c.next] {
				t.Errorf("next: %v, token %d", ok, slices.Index(made, token))
			}
		})
	}
}

// Every intent is settled, expired or waiting, so that none is kept for ever.
func TestEachIntentComesToAnEnd(t *testing.T) {
	made := tokens(t, 5)
	intent := intentAt(arn, 0, made[:2]...)
	cases := map[string]struct {
		listed                    []engage.Token
		after                     time.Duration
		settled, expired, waiting int
		tokens                    int
	}{
		"made nothing, at work":                {made[:2], 30 * time.Second, 0, 0, 1, 0},
		"made nothing, may show yet":           {made[:2], 2 * time.Minute, 0, 0, 1, 0},
		"made nothing":                         {made[:2], 3*time.Minute + 1, 1, 0, 0, 0},
		"in doubt":                             {made[:4], 30 * time.Minute, 0, 0, 1, 0},
		"in doubt for an hour":                 {made[:4], time.Hour + 1, 0, 1, 1, 2},
		"in doubt for long, then all are gone": {made[:1], 5 * time.Hour, 1, 0, 0, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			proof := ledger.NewProof(ledger.View{Intents: []ledger.Intent{intent}}, arn, c.listed, start.Add(c.after))
			settled, expired, waiting := proof.Settled(), proof.Expired(), proof.Waiting()
			if len(settled) != c.settled || len(expired) != c.expired || len(waiting) != c.waiting {
				t.Errorf("%d settled, %d expired, %d waiting", len(settled), len(expired), len(waiting))
			}
			if c.expired > 0 && len(expired[0].Tokens) != c.tokens {
				t.Errorf("%d tokens in doubt, want %d", len(expired[0].Tokens), c.tokens)
			}
		})
	}
}

func TestWhatIsInDoubtIsRecordedBeforeTheIntentGoes(t *testing.T) {
	made := tokens(t, 4)
	intent := intentAt(arn, 0, made[:2]...)
	store := newShelf()
	book := ledger.New(store, "/p")
	if err := book.Begin(t.Context(), user, intent); err != nil {
		t.Fatal(err)
	}
	doubt := ledger.Unproven{Intent: intent, Tokens: []engage.Fingerprint{made[2].Fingerprint(), made[3].Fingerprint()}}
	store.fail["create"] = errBroken
	if err := book.Report(t.Context(), user, doubt); err == nil || len(store.values) != 1 {
		t.Errorf("%v; %d parameters: the intent must outlive a failure", err, len(store.values))
	}
	store.fail["create"] = nil
	if err := book.Report(t.Context(), user, doubt); err != nil {
		t.Fatal(err)
	}
	view, err := book.Read(t.Context(), user)
	if err != nil || len(view.Intents) != 0 || len(view.Tokens) != 2 || view.Tokens[0].State != ledger.Unclaimed {
		t.Errorf("%+v, %v", view, err)
	}
}
