package decide_test

import (
	"testing"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

const (
	fingerprint = engage.Fingerprint("0123456789ab")
	other       = engage.Fingerprint("ba9876543210")
	version     = "version-2"
	base        = "version-1"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// pending is a version that createSecret has supplied.
func pending() decide.Version {
	return decide.Version{Pending: true, HasValue: true, Usable: true, SameFields: true}
}

func with(v decide.Version, change func(*decide.Version)) decide.Version {
	change(&v)
	return v
}

// step is an example of what a step finds of its version.
type step struct {
	name    string // begins with the number of the case
	version decide.Version
	want    decide.Case
	action  decide.Action
}

func check(t *testing.T, decision func(decide.Version) (decide.Case, decide.Action), examples []step) {
	t.Helper()
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			if c, action := decision(e.version); c != e.want || action != e.action {
				t.Errorf("%s, %s; want %s, %s", c, action, e.want, e.action)
			}
		})
	}
}

func TestCreateSecret(t *testing.T) {
	check(t, decide.Create, []step{
		{
			"C1 the version is current",
			decide.Version{Current: true, HasValue: true, Usable: true},
			decide.C1,
			decide.Nothing,
		},
		{"C1 the version is current and pending", decide.Version{Current: true, Pending: true}, decide.C1, decide.Nothing},
		{"C2 the rotation was cancelled", decide.Version{}, decide.C2, decide.Refuse},
		{
			"C2 a version with a value lost its label",
			decide.Version{HasValue: true, Usable: true},
			decide.C2,
			decide.Refuse,
		},
		{"C3 an earlier attempt put a token", pending(), decide.C3, decide.Nothing},
		{"C4 the value was put by hand", decide.Version{Pending: true, HasValue: true}, decide.C4, decide.Abandon},
		{"C7 the version is empty", decide.Version{Pending: true}, decide.C7, decide.Proceed},
	})
}

func TestCreateSecretSuppliesAToken(t *testing.T) {
	issued := ledger.Record{
		Version:     version,
		Base:        base,
		Fingerprint: fingerprint,
		State:       ledger.Issued,
		CreatedAt:   now.Add(-time.Hour),
	}
	young := issued
	young.CreatedAt = now.Add(-ledger.Propagation)
	unlike := func(change func(*ledger.Record)) []ledger.Record {
		r := issued
		change(&r)
		return []ledger.Record{r}
	}
	listed := []engage.Fingerprint{other, fingerprint}
	for _, e := range []struct {
		name   string
		supply decide.Supply
		want   decide.Case
		action decide.Action
		puts   engage.Fingerprint
	}{
		{"C5 the recorded token is put again",
			decide.Supply{Records: []ledger.Record{issued}, Listed: listed}, decide.C5, decide.Reissue, fingerprint},
		{"C5 although it is new",
			decide.Supply{Records: []ledger.Record{young}, Listed: listed}, decide.C5, decide.Reissue, fingerprint},
		{"C6 the recorded token is too new for the list",
			decide.Supply{Records: []ledger.Record{young}}, decide.C6, decide.Refuse, fingerprint},
		{"C7 nothing is recorded", decide.Supply{Listed: listed}, decide.C7, decide.Proceed, ""},
		{"C7 the recorded token is gone", decide.Supply{Records: []ledger.Record{issued}}, decide.C7, decide.Proceed, ""},
		{"C7 the record is of another version",
			decide.Supply{Records: unlike(func(r *ledger.Record) { r.Version = "version-3" }),
				Listed: listed}, decide.C7, decide.Proceed, ""},
		{"C7 the record is beside another current version",
			decide.Supply{Records: unlike(func(r *ledger.Record) { r.Base = "version-0" }),
				Listed: listed}, decide.C7, decide.Proceed, ""},
		{"C7 the recorded token is retiring",
			decide.Supply{Records: unlike(func(r *ledger.Record) { r.State = ledger.Retiring }),
				Listed: listed}, decide.C7, decide.Proceed, ""},
		{"C7 the listed token is unclaimed",
			decide.Supply{Records: unlike(func(r *ledger.Record) { r.State = ledger.Unclaimed }),
				Listed: listed}, decide.C7, decide.Proceed, ""},
	} {
		t.Run(e.name, func(t *testing.T) {
			e.supply.Version, e.supply.Base, e.supply.Now, e.supply.Time, e.supply.Fits = version, base, now, true, true
			c, action, record := e.supply.Token()
			if c != e.want || action != e.action || record.Fingerprint != e.puts {
				t.Errorf("%s, %s, %s; want %s, %s, %s", c, action, record.Fingerprint, e.want, e.action, e.puts)
			}
		})
	}
	t.Run("C8 there is too little time", func(t *testing.T) {
		if c, action, _ := (decide.Supply{Version: version, Base: base, Now: now, Fits: true}).Token(); c != decide.C8 ||
			action != decide.Refuse {
			t.Errorf("%s, %s", c, action)
		}
	})
	t.Run("C9 the document would be too long", func(t *testing.T) {
		if c, action, _ := (decide.Supply{Version: version, Base: base, Now: now, Time: true}).Token(); c != decide.C9 ||
			action != decide.Refuse {
			t.Errorf("%s, %s", c, action)
		}
	})
}

func TestSetSecret(t *testing.T) {
	check(t, decide.Set, []step{
		{"S1 the version is current",
			with(pending(), func(v *decide.Version) { v.Current = true }), decide.S1, decide.Nothing},
		{"S2 the rotation was cancelled",
			decide.Version{HasValue: true, Usable: true, SameFields: true}, decide.S2, decide.Refuse},
		{"S3 the secret was edited",
			with(pending(), func(v *decide.Version) { v.SameFields = false }), decide.S3, decide.Abandon},
		{"S4 nothing but the token differs", pending(), decide.S4, decide.Nothing},
	})
}

func TestTestSecret(t *testing.T) {
	check(t, decide.Test, []step{
		{"T1 the version is current",
			with(pending(), func(v *decide.Version) { v.Current = true }), decide.T1, decide.Nothing},
		{"T2 the version has no value", decide.Version{Pending: true}, decide.T2, decide.Preflight},
		{"T2 the version holds the current token",
			with(pending(), func(v *decide.Version) { v.SameToken = true }), decide.T2, decide.Preflight},
		{"T3 the version is not pending", decide.Version{HasValue: true, Usable: true}, decide.T3, decide.Refuse},
		{"T3 an empty version is not pending", decide.Version{}, decide.T3, decide.Refuse},
		{"T4 the token is to be asked", pending(), decide.T4, decide.Proceed},
	})
}

func TestFinishSecret(t *testing.T) {
	issued := ledger.Record{Version: version, Base: base, Fingerprint: fingerprint, State: ledger.Issued}
	state := func(s ledger.State) ledger.Record { r := issued; r.State = s; return r }
	intent := ledger.Intent{Version: version, Base: base}
	for _, e := range []struct {
		name   string
		swap   decide.Swap
		want   decide.Case
		action decide.Action
	}{
		{"F1 the swap is made",
			decide.Swap{Version: with(pending(), func(v *decide.Version) { v.Current = true })}, decide.F1, decide.Resume},
		{"F2 the rotation was cancelled",
			decide.Swap{Version: decide.Version{HasValue: true, Usable: true}, Record: issued,
				Found: true}, decide.F2, decide.Refuse},
		{"F3 the version was made for a test",
			decide.Swap{Version: with(pending(), func(v *decide.Version) { v.SameToken = true }), Record: issued,
				Found: true}, decide.F3, decide.Abandon},
		{"F3 the token was created for another version",
			decide.Swap{Version: pending(), Record: ledger.Record{Version: "version-3", Base: base, State: ledger.Issued},
				Found: true},
			decide.F3, decide.Abandon},
		{"F4 the ledger was lost", decide.Swap{Version: pending()}, decide.F4, decide.RecordAndAbandon},
		{"F4 an intent of another version",
			decide.Swap{Version: pending(), Intents: []ledger.Intent{{Version: "version-3",
				Base: base}}}, decide.F4, decide.RecordAndAbandon},
		{"F5 the token is already retiring",
			decide.Swap{Version: pending(), Record: state(ledger.Retiring), Found: true}, decide.F5, decide.Abandon},
		{"F5 the version was replaced long ago",
			decide.Swap{Version: pending(), Record: state(ledger.Outgoing), Found: true}, decide.F5, decide.Abandon},
		{"F5 the token is deleted",
			decide.Swap{Version: pending(), Record: state(ledger.Deleted), Found: true}, decide.F5, decide.Abandon},
		{"F6 the secret was edited",
			decide.Swap{Version: pending(), Record: ledger.Record{Version: version, Base: "version-0", State: ledger.Issued},
				Found: true}, decide.F6, decide.Abandon},
		{"F6 one of two intents has another base",
			decide.Swap{Version: pending(), Intents: []ledger.Intent{intent, {Version: version,
				Base: "version-0"}}}, decide.F6, decide.Abandon},
		{"F7 a record names the base",
			decide.Swap{Version: pending(), Record: issued, Found: true}, decide.F7, decide.Proceed},
		{"F7 an intent names the base, without a record",
			decide.Swap{Version: pending(), Intents: []ledger.Intent{intent,
				{Version: "version-3"}}}, decide.F7, decide.Proceed},
	} {
		t.Run(e.name, func(t *testing.T) {
			e.swap.ID, e.swap.Base = version, base
			if c, action := e.swap.Decide(); c != e.want || action != e.action {
				t.Errorf("%s, %s; want %s, %s", c, action, e.want, e.action)
			}
		})
	}
}

// versions calls f with every combination of what a step can know of its version.
func versions(f func(decide.Version)) {
	for bits := range 1 << 6 {
		on := func(n int) bool { return bits>>n&1 == 1 }
		f(decide.Version{
			Current: on(0), Pending: on(1), HasValue: on(2), Usable: on(3), SameToken: on(4), SameFields: on(5),
		})
	}
}

func TestEveryVersionHasOneDecision(t *testing.T) {
	versions(func(v decide.Version) {
		for name, decision := range map[string]func(decide.Version) (decide.Case, decide.Action){
			"createSecret": decide.Create, "setSecret": decide.Set, "testSecret": decide.Test,
		} {
			c, action := decision(v)
			if c == "" || action == "" {
				t.Errorf("%s of %+v: no decision", name, v)
			}
			if v.Current && action != decide.Nothing {
				t.Errorf("%s of %+v: %s, although the rotation is over", name, v, action)
			}
			if !v.Current && !v.Pending && action != decide.Refuse {
				t.Errorf("%s of %+v: %s, although the rotation was cancelled", name, v, action)
			}
		}
		if _, action := decide.Create(v); action == decide.Proceed && v.HasValue {
			t.Errorf("%+v: a token is created for a version that has a value", v)
		}
		if _, action := decide.Set(v); action == decide.Nothing && !v.Current && !v.SameFields {
			t.Errorf("%+v: setSecret accepts an edited version", v)
		}
	})
}

func TestNothingIsSwappedInButAnIssuedTokenBesideItsBase(t *testing.T) {
	states := []ledger.State{"", ledger.Issued, ledger.Outgoing, ledger.Retiring, ledger.Deleted, ledger.Unclaimed}
	bases := []string{"", base, "version-0"}
	intents := [][]ledger.Intent{nil}
	for _, b := range bases {
		intents = append(
			intents,
			[]ledger.Intent{{Version: version, Base: b}},
			[]ledger.Intent{{Version: "version-3", Base: b}},
			[]ledger.Intent{{Version: version, Base: b}, {Version: version, Base: base}},
		)
	}
	proceeded := 0
	versions(func(v decide.Version) {
		for _, state := range states {
			for _, recordBase := range bases {
				for _, i := range intents {
					s := decide.Swap{
						Version: v, ID: version, Base: base, Intents: i,
						Record: ledger.Record{State: state, Base: recordBase, Version: version}, Found: state != "",
					}
					c, action := s.Decide()
					if c == "" || action == "" {
						t.Fatalf("%+v: no decision", s)
					}
					if action != decide.Proceed {
						continue
					}
					proceeded++
					fits := s.Found && state == ledger.Issued && recordBase == base
					for _, intent := range i {
						fits = fits || !s.Found && intent.Version == version && intent.Base == base
					}
					if !fits || !v.Pending || v.Current || v.SameToken {
						t.Fatalf("%+v is swapped in", s)
					}
				}
			}
		}
	})
	if proceeded == 0 {
		t.Error("nothing is ever swapped in")
	}
}

func TestEverySupplyHasOneDecision(t *testing.T) {
	for _, state := range []ledger.State{"", ledger.Issued, ledger.Outgoing, ledger.Retiring, ledger.Deleted,
		ledger.Unclaimed} {
		for bits := range 1 << 6 {
			on := func(n int) bool { return bits>>n&1 == 1 }
			pick := func(n int, a, b string) string {
				if on(n) {
					return a
				}
				return b
			}
			s := decide.Supply{Version: version, Base: base, Now: now, Time: on(0), Fits: on(1)}
			r := ledger.Record{
				Fingerprint: fingerprint, State: state, Version: pick(2, version, "version-3"), Base: pick(3, base, "version-0"),
				CreatedAt: now.Add(-time.Hour),
			}
			if on(4) {
				s.Listed = []engage.Fingerprint{fingerprint}
			}
			if on(5) {
				r.CreatedAt = now
			}
			if state != "" {
				s.Records = []ledger.Record{r}
			}
			c, action, record := s.Token()
			claims := state == ledger.Issued && on(2) && on(3)
			switch action {
			case decide.Reissue:
				if !claims || !on(4) || record != r {
					t.Errorf("%+v: %s puts a token that is not this version's", s, c)
				}
			case decide.Proceed:
				if !s.Time || !s.Fits || claims && (on(4) || on(5)) {
					t.Errorf("%+v: %s creates a token", s, c)
				}
			case decide.Refuse:
			default:
				t.Errorf("%+v: %s, %s", s, c, action)
			}
		}
	}
}
