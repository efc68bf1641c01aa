package decide_test

import (
	"testing"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/ledger"
)

// recorded returns an old record of a state.
func recorded(state ledger.State, change ...func(*ledger.Record)) ledger.Record {
	r := ledger.Record{
		Form: 1, Secret: "secret", Version: version, Base: base, Fingerprint: fingerprint, State: state,
		CreatedAt: now.Add(-24 * time.Hour), Until: now.Add(-23 * time.Hour), At: now.Add(-time.Hour),
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func at(d time.Duration) func(*ledger.Record) {
	return func(r *ledger.Record) { r.At = now.Add(d) }
}

func created(d time.Duration) func(*ledger.Record) {
	return func(r *ledger.Record) { r.CreatedAt, r.Until = now.Add(d), now.Add(d+time.Minute) }
}

func notCreatedHere(r *ledger.Record) { r.Base = "" }

func shared(r *ledger.Record) { r.SharedWith = "another secret" }

func TestRecord(t *testing.T) {
	const hour = time.Hour
	limit := ledger.InvocationLimit
	for _, e := range []struct {
		name   string // begins with the number of the case
		record ledger.Record
		facts  decide.Facts
		want   decide.Case
		action decide.Action
		state  ledger.State  // after a Write
		in     time.Duration // when a retiring token is due, after a Write
	}{
		{"R1 AWSCURRENT holds it",
			recorded(ledger.Issued), decide.Facts{Held: decide.Current}, decide.R1, decide.Keep, "", 0},
		{"R1 AWSPENDING holds it",
			recorded(ledger.Retiring), decide.Facts{Held: decide.Pending}, decide.R1, decide.Keep, "", 0},
		{"R1 AWSPENDING holds a deleted token",
			recorded(ledger.Deleted), decide.Facts{Held: decide.Pending, Listed: decide.Shown}, decide.R1, decide.Keep, "", 0},
		{"R2 another secret holds it",
			recorded(ledger.Retiring), decide.Facts{Elsewhere: true}, decide.R2, decide.Keep, "", 0},
		{"R3 it was put back",
			recorded(ledger.Retiring), decide.Facts{Held: decide.Current}, decide.R3, decide.Write, ledger.Outgoing, 0},
		{"R3 it was put back, since its deletion had no effect",
			recorded(ledger.Deleted), decide.Facts{Held: decide.Current}, decide.R3, decide.Write, ledger.Outgoing, 0},
		{"R4 its invocation may be at work",
			recorded(ledger.Issued, created(-30*time.Second)), decide.Facts{Swappable: true}, decide.R4, decide.Keep, "", 0},
		{"R5 its version waits for it",
			recorded(ledger.Issued), decide.Facts{Swappable: true, Awaited: true}, decide.R5, decide.Keep, "", 0},
		{"R6 its version holds another token",
			recorded(ledger.Issued), decide.Facts{Taken: true, Retention: hour}, decide.R6, decide.Write, ledger.Retiring, 0},
		{"R7 it is gone", recorded(ledger.Retiring), decide.Facts{Listed: decide.Gone}, decide.R7, decide.Forget, "", 0},
		{"R7 an unclaimed token is gone",
			recorded(ledger.Unclaimed,
				at(-1-decide.UnclaimedLife)), decide.Facts{Listed: decide.Gone}, decide.R7, decide.Forget, "", 0},
		{"R8 a late finishSecret may swap it in",
			recorded(ledger.Issued), decide.Facts{Swappable: true,
				Retention: time.Minute}, decide.R8, decide.Write, ledger.Retiring, limit},
		{"R8 the retention is longer",
			recorded(ledger.Issued), decide.Facts{Swappable: true,
				Retention: hour}, decide.R8, decide.Write, ledger.Retiring, hour},
		{"R9 its rotation was abandoned",
			recorded(ledger.Issued), decide.Facts{Retention: hour}, decide.R9, decide.Write, ledger.Retiring, hour},
		{"R10 AWSCURRENT has moved away",
			recorded(ledger.Outgoing), decide.Facts{Replaced: true,
				Retention: hour}, decide.R10, decide.Write, ledger.Retiring, hour},
		{"R10 it was created here", recorded(ledger.Outgoing), decide.Facts{}, decide.R10, decide.Write, ledger.Retiring, 0},
		{"R10 it was not created here, and a rotation replaced it",
			recorded(ledger.Outgoing, notCreatedHere), decide.Facts{Replaced: true},
			decide.R10, decide.Write, ledger.Retiring, 0},
		{"R23 it was not created here, and no rotation replaced it",
			recorded(ledger.Outgoing, notCreatedHere), decide.Facts{},
			decide.R23, decide.Forget, "", 0},
		{"R23 a rotation leaves its record to the sweep",
			recorded(ledger.Outgoing, notCreatedHere), decide.Facts{OneSecret: true}, decide.R23, decide.Keep, "", 0},
		{"R21 lists lack it for the time being",
			recorded(ledger.Unclaimed), decide.Facts{Listed: decide.Gone}, decide.R21, decide.Keep, "", 0},
		{"R10 without a retention", recorded(ledger.Outgoing), decide.Facts{}, decide.R10, decide.Write, ledger.Retiring, 0},
		{"R11 it is due", recorded(ledger.Retiring), decide.Facts{Listed: decide.Shown}, decide.R11, decide.Delete, "", 0},
		{"R11 it is due at this moment", recorded(ledger.Retiring, at(0)), decide.Facts{}, decide.R11, decide.Delete, "", 0},
		{"R12 an operator ends the retention",
			recorded(ledger.Retiring, at(hour)), decide.Facts{Revoke: true}, decide.R12, decide.Delete, "", 0},
		{"R13 a late finishSecret has its time",
			recorded(ledger.Retiring, at(hour)), decide.Facts{Revoke: true,
				Swappable: true}, decide.R13, decide.Write, ledger.Retiring, limit},
		{"R14 it is not due",
			recorded(ledger.Retiring, at(1)), decide.Facts{Listed: decide.Shown}, decide.R14, decide.Keep, "", 0},
		{"R14 the time of R13 is not over",
			recorded(ledger.Retiring, at(limit)), decide.Facts{Revoke: true, Swappable: true}, decide.R14, decide.Keep, "", 0},
		{"R15 lists may still show it",
			recorded(ledger.Deleted,
				at(-ledger.Propagation)), decide.Facts{Listed: decide.Shown}, decide.R15, decide.Keep, "", 0},
		{"R15 although a list lacks it",
			recorded(ledger.Deleted, at(-time.Second)), decide.Facts{Listed: decide.Gone}, decide.R15, decide.Keep, "", 0},
		{"R16 the vendor did not delete it",
			recorded(ledger.Deleted), decide.Facts{Listed: decide.Shown}, decide.R16, decide.Delete, "", 0},
		{"R17 the deletion is confirmed",
			recorded(ledger.Deleted), decide.Facts{Listed: decide.Gone}, decide.R17, decide.Forget, "", 0},
		{"R18 no list could be asked", recorded(ledger.Deleted), decide.Facts{}, decide.R18, decide.Keep, "", 0},
		{"R19 another record names it",
			recorded(ledger.Unclaimed), decide.Facts{Claimed: true, Exclusive: true,
				Listed: decide.Shown}, decide.R19, decide.Forget, "", 0},
		{"R19 another secret holds it",
			recorded(ledger.Unclaimed), decide.Facts{Elsewhere: true, Exclusive: true,
				Listed: decide.Shown}, decide.R19, decide.Forget, "", 0},
		{"R1 an unclaimed token is in use",
			recorded(ledger.Unclaimed), decide.Facts{Held: decide.Current, Exclusive: true,
				Listed: decide.Shown}, decide.R1, decide.Keep, "", 0},
		{"R20 the user serves these rotations alone",
			recorded(ledger.Unclaimed, at(-decide.ExclusiveDelay)), decide.Facts{Exclusive: true,
				Listed: decide.Shown}, decide.R20, decide.Delete, "", 0},
		{"R21 others may use it",
			recorded(ledger.Unclaimed), decide.Facts{Listed: decide.Shown}, decide.R21, decide.Keep, "", 0},
		{"R21 it was seen a short time ago",
			recorded(ledger.Unclaimed, at(1-decide.ExclusiveDelay)), decide.Facts{Exclusive: true,
				Listed: decide.Shown}, decide.R21, decide.Keep, "", 0},
		{"R22 another secret held it",
			recorded(ledger.Retiring, shared), decide.Facts{OneSecret: true,
				Listed: decide.Shown}, decide.R22, decide.Keep, "", 0},
	} {
		t.Run(e.name, func(t *testing.T) {
			e.facts.Now = now
			d := decide.Record(e.record, e.facts)
			if d.Case != e.want || d.Action != e.action {
				t.Fatalf("%s, %s; want %s, %s", d.Case, d.Action, e.want, e.action)
			}
			if e.state == "" {
				return
			}
			if d.Record.State != e.state || e.state == ledger.Retiring && !d.Record.At.Equal(now.Add(e.in)) {
				t.Errorf("the record becomes %s at %s, want %s in %s", d.Record.State, d.Record.At, e.state, e.in)
			}
		})
	}
}

// situations calls f with every combination of a record's state, its times, and the facts.
func situations(f func(ledger.Record, decide.Facts)) {
	states := []ledger.State{ledger.Issued, ledger.Outgoing, ledger.Retiring, ledger.Deleted, ledger.Unclaimed}
	ats := []time.Duration{-time.Hour, -time.Minute, 0, time.Hour}
	for _, state := range states {
		for _, a := range ats {
			for _, age := range []time.Duration{24 * time.Hour, time.Minute} {
				for bits := range 4 {
					r := recorded(state, at(a), created(-age))
					if bits&1 != 0 {
						shared(&r)
					}
					if bits&2 != 0 {
						notCreatedHere(&r)
					}
					facts(func(x decide.Facts) { f(r, x) })
				}
			}
		}
	}
}

func facts(f func(decide.Facts)) {
	for bits := range 1 << 10 {
		on := func(n int) bool { return bits>>n&1 == 1 }
		for _, held := range []decide.Label{decide.Unheld, decide.Pending, decide.Current} {
			for _, listed := range []decide.Listing{decide.Unknown, decide.Shown, decide.Gone} {
				x := decide.Facts{
					Now: now, Held: held, Listed: listed, Elsewhere: on(0), Claimed: on(1), Awaited: on(2), Taken: on(3),
					Swappable: on(4), Revoke: on(5), Exclusive: on(6), OneSecret: on(7), Replaced: on(9),
				}
				if on(8) {
					x.Retention = 10 * time.Minute
				}
				f(x)
			}
		}
	}
}

func TestEverySituationOfARecordKeepsTheRules(t *testing.T) {
	rules := map[string]func(r ledger.Record, f decide.Facts, d decide.Decision) bool{
		"a record has one decision": func(_ ledger.Record, _ decide.Facts, d decide.Decision) bool {
			known := d.Action == decide.Keep || d.Action == decide.Write || d.Action == decide.Delete ||
				d.Action == decide.Forget
			return d.Case != "" && known
		},
		"a held token is never deleted": func(_ ledger.Record, f decide.Facts, d decide.Decision) bool {
			return f.Held == decide.Unheld && !f.Elsewhere || d.Action != decide.Delete
		},
		"the record of a held token stays, and does not begin to retire": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			if f.Held == decide.Unheld && !f.Elsewhere || r.State == ledger.Unclaimed {
				return true
			}
			return d.Action == decide.Keep || d.Action == decide.Write && d.Record.State == ledger.Outgoing
		},
		"only retiring, deleted and unclaimed tokens are deleted": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			switch r.State {
			case ledger.Retiring, ledger.Deleted:
				return true
			case ledger.Unclaimed:
				return d.Action != decide.Delete || f.Exclusive && !f.Claimed && f.Listed == decide.Shown
			}
			return d.Action != decide.Delete
		},
		"a retiring token is deleted when it is due, or when an operator says so": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			early := r.State == ledger.Retiring && f.Now.Before(r.At)
			return d.Action != decide.Delete || !early || f.Revoke && !f.Swappable
		},
		"an unclaimed token has its delay": func(r ledger.Record, f decide.Facts, d decide.Decision) bool {
			return r.State != ledger.Unclaimed || d.Action != decide.Delete || f.Now.Sub(r.At) >= decide.ExclusiveDelay
		},
		"a rotation does not delete a retiring token that another secret held": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			return !f.OneSecret || r.SharedWith == "" || r.State != ledger.Retiring || d.Action != decide.Delete
		},
		"states go forward, and only a token that was put back is outgoing again": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			if d.Action != decide.Write {
				return d.Record == r
			}
			switch d.Record.State {
			case ledger.Outgoing:
				return (r.State == ledger.Retiring || r.State == ledger.Deleted) && f.Held == decide.Current
			case ledger.Retiring:
				return r.State == ledger.Issued || r.State == ledger.Outgoing ||
					r.State == ledger.Retiring && d.Record.At.Before(r.At)
			}
			return false
		},
		"a write changes the state, its time and the owner alone": func(r ledger.Record, _ decide.Facts,
			d decide.Decision) bool {
			d.Record.State, d.Record.At, d.Record.Owned = r.State, r.At, r.Owned
			return d.Record == r
		},
		"a token that was not created here retires only after a rotation replaced it": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			return r.State != ledger.Outgoing || r.Base != "" || f.Replaced || d.Action != decide.Write
		},
		"a token that readers may have cached lives for the retention": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			begins := d.Action == decide.Write && d.Record.State == ledger.Retiring && r.State != ledger.Retiring
			return !begins || f.Taken || !d.Record.At.Before(f.Now.Add(f.Retention))
		},
		"a token that may yet be swapped in lives for the invocation limit": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			begins := d.Action == decide.Write && d.Record.State == ledger.Retiring && r.State != ledger.Outgoing
			return !begins || f.Taken || !f.Swappable || !d.Record.At.Before(f.Now.Add(ledger.InvocationLimit))
		},
		"a record is removed only when the token is gone, claimed or foreign": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			claimed := r.State == ledger.Unclaimed && (f.Claimed || f.Elsewhere)
			foreign := r.State == ledger.Outgoing && r.Base == "" && !f.Replaced
			return d.Action != decide.Forget || f.Listed == decide.Gone || claimed || foreign
		},
		"the record of a token that is too new for lists stays": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			young := f.Now.Sub(r.CreatedAt) <= ledger.Propagation
			return d.Action != decide.Forget || !young || d.Case != decide.R7 || r.State == ledger.Unclaimed
		},
		"an exclusive user makes a difference to unclaimed tokens alone": func(
			r ledger.Record, f decide.Facts, d decide.Decision,
		) bool {
			f.Exclusive = !f.Exclusive
			return r.State == ledger.Unclaimed || decide.Record(r, f) == d
		},
		"deciding again comes to an end": func(_ ledger.Record, f decide.Facts, d decide.Decision) bool {
			for range 3 {
				if d.Action != decide.Write {
					return true
				}
				d = decide.Record(d.Record, f)
			}
			return false
		},
	}
	var names []string
	var all []func(ledger.Record, decide.Facts, decide.Decision) bool
	for name, rule := range rules {
		names, all = append(names, name), append(all, rule)
	}
	reached, n := map[decide.Case]bool{}, 0
	situations(func(r ledger.Record, f decide.Facts) {
		n++
		d := decide.Record(r, f)
		reached[d.Case] = true
		for i, holds := range all {
			if !holds(r, f, d) {
				t.Fatalf("%s: %s, %s\nrecord %+v\nfacts %+v", names[i], d.Case, d.Action, r, f)
			}
		}
	})
	for _, c := range cases(t, "R") {
		if !reached[c] {
			t.Errorf("none of %d situations is case %s", n, c)
		}
	}
}

func TestNothingKnownDeletesNothingThatIsNotDue(t *testing.T) {
	for _, state := range []ledger.State{ledger.Issued, ledger.Outgoing, ledger.Retiring, ledger.Deleted,
		ledger.Unclaimed} {
		if d := decide.Record(recorded(state, at(time.Hour)), decide.Facts{Now: now}); d.Action == decide.Delete ||
			d.Action == decide.Forget {
			t.Errorf("%s: %s, %s", state, d.Case, d.Action)
		}
	}
}

func TestATokenIsReplacedOnceItsSuccessorWasAWSCURRENT(t *testing.T) {
	named := func(r *ledger.Record) { r.Successor = "version-3" }
	successor := func(state ledger.State) ledger.Record {
		return ledger.Record{Version: "version-3", Base: version, Fingerprint: other, State: state}
	}
	for name, e := range map[string]struct {
		record  ledger.Record
		records []ledger.Record
		were    []string
		want    bool
	}{
		"it is AWSCURRENT": {
			recorded(ledger.Outgoing, named), nil, []string{"version-3", version}, true,
		},
		"it is AWSPREVIOUS": {
			recorded(ledger.Outgoing, named), nil, []string{"version-4", "version-3"}, true,
		},
		"another rotation was about to replace it": {
			recorded(ledger.Outgoing, named), []ledger.Record{successor(ledger.Outgoing)}, nil, true,
		},
		"the swap was not made": {
			recorded(ledger.Outgoing, named), []ledger.Record{successor(ledger.Issued)}, []string{base}, false,
		},
		"AWSCURRENT's version has the record of a token that was made beside it": {
			recorded(ledger.Outgoing), []ledger.Record{successor(ledger.Issued)}, []string{"version-3"}, false,
		},
		"no swap was about to be made": {
			recorded(ledger.Outgoing), nil, []string{""}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := decide.Replaced(e.record, e.records, e.were...); got != e.want {
				t.Errorf("replaced: %v", got)
			}
		})
	}
}
