package adversary_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// people is a storm of manual changes, by chance, around rotations and sweeps of two secrets.
type people struct {
	*stack
	random *rand.Rand
	runs   []awstest.Run // rotations of before, of which steps may come late
	done   []string      // what has happened
}

func (p *people) pick() string { return p.secrets[p.random.IntN(len(p.secrets))] }

// lend gives a secret a token of another program.
func (p *people) lend(name string) {
	token := p.another(p.user)
	p.edit(name, func(f map[string]string) { f["apiToken"] = token })
}

// own marks the token of AWSCURRENT as the secret's: a rotation that begins now may swap it out.
func (p *people) own(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.foreign, p.token(name, awstest.StageCurrent))
}

// event is one thing that people, the service or the vendor do.
type event struct {
	name string
	do   func(name string)
}

// events returns what may happen.
func (p *people) events() []event {
	late := func(name string) {
		if len(p.runs) == 0 {
			return
		}
		run := p.runs[p.random.IntN(len(p.runs))]
		p.own("a")
		p.own("b")
		_, _ = p.step(run, run.Steps[p.random.IntN(len(run.Steps))])
	}
	rotate := func(name string) { p.own(name); _ = p.try(name) }
	sweep := func(string) { p.sweeps(1, time.Second) }
	return []event{
		{"rotate", rotate}, {"rotate", rotate}, {"sweep", sweep}, {"sweep", sweep},
		{"sweep twice", func(string) { p.sweeps(2, 20*time.Minute) }},
		{"lend a token", p.lend}, {"take an edit back", p.takeBack}, {"begin and stop", p.beginAndStop}, {"a late step",
			late},
		{"remove the token", func(name string) { p.edit(name, func(f map[string]string) { delete(f, "apiToken") }) }},
		{"edit", func(name string) {
			p.edit(name, func(f map[string]string) { f["note"] = strconv.Itoa(p.random.Int()) })
		}},
		{"take AWSPENDING away", func(name string) {
			if p.holder(name, awstest.StagePending) != "" {
				p.move(name, awstest.StagePending, "")
			}
		}},
		{"copy, and sweep", func(string) {
			if token := p.token("a", awstest.StageCurrent); p.vendor.Alive(token) {
				p.edit("b", func(f map[string]string) { f["apiToken"] = token })
				p.sweeps(1, time.Minute)
			}
		}},
		{"revoke", func(name string) { _, _ = p.sweep(`{"revokePrevious":"` + name + `"}`) }},
		{"lose entries", func(string) { p.loseLedger([]string{"token-", "intent-", ""}[p.random.IntN(3)]) }},
		{"lose an answer", func(string) {
			p.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
		}},
		{"lie", func(string) {
			p.vendor.SetMisbehavior(engagetest.Misbehavior{
				List: engagetest.ListLie(p.random.IntN(4)), Keep: p.random.IntN(4),
				Delete: engagetest.DeleteLie(p.random.IntN(5)), Calls: 1 + p.random.IntN(6),
			})
		}},
		{"a crash", func(string) { p.onCall(p.random.IntN(12), func() { p.crash() }) }},
		{"all at once", func(string) {
			p.own("a")
			p.own("b")
			var all sync.WaitGroup
			all.Go(func() { _ = p.try("a") })
			all.Go(func() { _ = p.try("b") })
			all.Go(func() { p.sweeps(2, time.Second) })
			all.Wait()
		}},
		{"wait hours", func(string) { time.Sleep(time.Duration(p.random.IntN(7200)) * time.Second) }},
		{"wait", func(string) { time.Sleep(time.Duration(p.random.IntN(130)) * time.Second) }},
	}
}

// takeBack moves AWSCURRENT back, when the token of before works.
func (p *people) takeBack(name string) {
	previous := p.holder(name, awstest.StagePrevious)
	if previous != "" && p.vendor.Alive(p.token(name, awstest.StagePrevious)) {
		p.move(name, awstest.StageCurrent, previous)
		p.sweeps(1, time.Second) // a rotation looks at its own secret alone
	}
}

// beginAndStop carries out some steps of a rotation, which does not go on.
func (p *people) beginAndStop(name string) {
	p.own(name)
	run, err := p.begin(name)
	if err != nil {
		return
	}
	p.runs = append(p.runs, run)
	failed := errTimeout
	for _, step := range run.Steps[:1+p.random.IntN(len(run.Steps))] {
		if _, err := p.step(run, step); err != nil {
			failed = err
			break
		}
	}
	p.aws.Secrets.EndRotation(run, failed)
}

func TestPeopleDoAnythingAtAnyTime(t *testing.T) {
	first, last := 0, 40
	if testing.Short() {
		last = 8
	}
	if text := os.Getenv("PEOPLE"); text != "" { // for a search by hand: PEOPLE=first-last
		if _, err := fmt.Sscanf(text, "%d-%d", &first, &last); err != nil {
			t.Fatal(err)
		}
	}
	for seed := first; seed < last; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			attacked(t, func(t *testing.T, a *attack) {
				a.harmAlone = true
				random := rand.New(rand.NewPCG(uint64(seed), 7))
				s := a.account(awstest.Config{}).stack("main", retention, []string{"0s", "30m"}[seed%2])
				s.add("a", fields(a.user))
				s.add("b", fields(a.user))
				s.mustRotate("a", "b")
				p := &people{stack: s, random: random}
				for events := p.events(); !t.Failed() && len(p.done) < 30; {
					event, name := events[random.IntN(len(events))], p.pick()
					p.done = append(p.done, event.name+" "+name)
					event.do(name)
					time.Sleep(20 * time.Second)
				}
				if t.Failed() {
					t.Log(strings.Join(p.done, ", "))
				}
				p.own("a")
				p.own("b")
			})
		})
	}
}
