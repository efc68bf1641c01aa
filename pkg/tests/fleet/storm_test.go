package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
)

// repeats is how Secrets Manager repeats a rotation after a failed step. It is documented that it
// does so several times; the spacing is not.
type repeats struct {
	name  string
	after func(attempt int) time.Duration
}

func every(d time.Duration) repeats {
	return repeats{"every " + short(d), func(int) time.Duration { return d }}
}

// doubling is a spacing that doubles from a second to a limit.
func doubling(limit time.Duration) repeats {
	return repeats{"after 1 s, doubled to " + short(limit), func(attempt int) time.Duration {
		return min(limit, time.Second<<min(attempt-1, 20))
	}}
}

// storm is many rotations of one user that are due within a short time, each at a random moment.
type storm struct {
	secrets     int
	within      time.Duration
	concurrency int
	repeats     repeats
	// unlimited lifts the vendor's limit of calls; that of logins stays.
	unlimited bool
}

func (s storm) name() string {
	return fmt.Sprintf("within %s, %d at a time, %s", short(s.within), s.concurrency, s.repeats.name)
}

// weathered is what a storm came to.
type weathered struct {
	storm
	took      time.Duration // until the last secret is rotated
	rotated   int
	processes int
	failed    int   // invocations
	throttled int   // invocations that Lambda refused
	attempts  []int // of each secret, sorted
	logins    int
	perMinute int // the most logins within any minute
	billed    time.Duration
	tally
	failures map[string]int // by kind
}

// giveUp is when a storm that does not end is left.
const giveUp = 6 * time.Hour

// weather plays a storm.
func weather(t *testing.T, s storm) (result weathered) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, unlimited: s.unlimited}
		w.seed(fleet{secrets: s.secrets, users: 1})
		defer w.aws.Close()
		f := &function{world: w, concurrency: s.concurrency, limit: timeout(t, "RotateFunction")}
		result = weathered{storm: s, attempts: make([]int, s.secrets), failures: map[string]int{}}
		began := time.Now()
		var wg sync.WaitGroup
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(1, 2))
		for n, arn := range w.arns {
			wait := time.Duration(random.Float64() * float64(s.within))
			wg.Go(func() {
				time.Sleep(wait)
				result.attempts[n] = w.rotateByService(f, arn, s.repeats, began.Add(giveUp), func(err error) {
					mu.Lock()
					defer mu.Unlock()
					result.failures[kind(err)]++
				})
			})
		}
		wg.Wait()
		result.took = time.Since(began)
		result.processes, result.failed, result.throttled, result.billed = f.processes, f.failed, f.throttled, f.billed
		result.rotated = w.rotatedSince(began)
		slices.Sort(result.attempts)
		logins := w.vendor.Logins(w.fleet.userNames()[0])
		result.logins, result.perMinute = len(logins), most(logins, time.Minute)
		result.tally = w.take()
	})
	return result
}

// rotateByService rotates a secret as the service does: a failed step is followed, after the
// spacing, by all steps from the first. It returns the number of attempts.
func (w *world) rotateByService(f *function, arn string, spacing repeats, until time.Time, failed func(error)) int {
	run := w.begin(arn)
	for attempt := 1; ; attempt++ {
		err := w.attempt(f, run)
		if err == nil || time.Now().After(until) {
			w.aws.Secrets.EndRotation(run, err)
			return attempt
		}
		failed(err)
		time.Sleep(spacing.after(attempt))
	}
}

func (w *world) attempt(f *function, run awstest.Run) error {
	for _, name := range run.Steps {
		if err := f.invoke(w.t.Context(), run.Payload(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := w.aws.Secrets.CheckRotation(run); err != nil {
			return err
		}
	}
	return nil
}

// rotatedSince returns how many secrets were rotated.
func (w *world) rotatedSince(t time.Time) int {
	n := 0
	for _, arn := range w.arns {
		described, err := w.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: arn})
		if err != nil {
			w.t.Error(err)
		} else if !described.LastRotatedDate.Before(t) {
			n++
		}
	}
	return n
}

// kind names a failure.
func kind(err error) string {
	text := err.Error()
	step, _, _ := strings.Cut(text, ":")
	for _, part := range []string{"TooManyRequestsException", "logins of this user", "HTTP 429", "Throttl", "deadline"} {
		if strings.Contains(text, part) {
			return step + " " + part
		}
	}
	return text
}

// most returns the greatest number of times within any window; the times are sorted.
func most(times []time.Time, window time.Duration) int {
	n, first := 0, 0
	for last := range times {
		for !times[last].Before(times[first].Add(window)) {
			first++
		}
		n = max(n, last-first+1)
	}
	return n
}

// unreserved is the concurrency of an account that limits nothing here.
const unreserved = 1000

func TestStorm(t *testing.T) {
	t.Log(stormHead)
	for _, s := range storms() {
		t.Run(s.name(), func(t *testing.T) {
			r := weather(t, s)
			t.Log(r.row())
			if r.rotated != s.secrets {
				t.Errorf("%d of %d secrets are rotated", r.rotated, s.secrets)
			}
			if r.perMinute > vendorLogins {
				t.Errorf("%d logins within a minute", r.perMinute)
			}
		})
	}
}

// storms returns the settings to compare.
func storms() []storm {
	if !*full {
		return []storm{
			{secrets: 30, within: time.Minute, concurrency: 5, repeats: every(time.Minute)},
			{secrets: 12, concurrency: unreserved, repeats: every(time.Minute)},
		}
	}
	const secrets, minute = 1000, time.Minute
	var all []storm
	for _, window := range []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour} {
		for _, concurrency := range []int{10, unreserved} {
			all = append(all, storm{secrets: secrets, within: window, concurrency: concurrency, repeats: every(minute)})
		}
	}
	for _, concurrency := range []int{1, 5, 10, 20, 50, unreserved} {
		all = append(all, storm{secrets: secrets, within: minute, concurrency: concurrency, repeats: every(minute)})
	}
	for _, repeat := range []repeats{every(10 * time.Second), doubling(5 * minute)} {
		all = append(all, storm{secrets: secrets, within: minute, concurrency: 10, repeats: repeat})
	}
	all = append(all,
		storm{secrets: secrets, within: minute, concurrency: unreserved, repeats: every(5 * minute)},
		storm{secrets: secrets, within: minute, concurrency: 10, repeats: every(minute), unlimited: true})
	return all
}
