package awstest

import (
	"sync"
	"time"
)

// Rate limits how often some operations are called together. Calls beyond it are refused with
// ThrottlingException. A second's worth of calls may come at once: AWS documents no burst.
type Rate struct {
	PerSecond  float64
	Operations []string
}

// SecretsRates returns the rates that AWS documents for Secrets Manager, for one account and
// Region.
func SecretsRates() []Rate {
	return []Rate{
		{10000, []string{"DescribeSecret", "GetSecretValue"}},
		{50, []string{"PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage"}},
		{50, []string{"CancelRotateSecret", "RotateSecret"}},
		{50, []string{"TagResource", "UntagResource"}},
		{50, []string{"CreateSecret"}},
		{50, []string{"DeleteSecret"}},
		{50, []string{"GetRandomPassword"}},
		{50, []string{"ListSecretVersionIds"}},
		{50, []string{"RestoreSecret"}},
		{100, []string{"BatchGetSecretValue"}},
		{100, []string{"ListSecrets"}},
	}
}

// ParameterRates returns the rates that AWS documents for the Parameter Store by default, for one
// account and Region.
func ParameterRates() []Rate {
	return []Rate{
		{40, []string{"GetParameter", "GetParameters", "GetParametersByPath"}},
		{3, []string{"PutParameter"}},
	}
}

// throttle has a bucket of calls for each rate.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket // by operation; operations of one rate share theirs
}

type bucket struct {
	rate, calls float64 // calls is how many may be made now
	filled      time.Time
}

func newThrottle(rates []Rate, now func() time.Time) *throttle {
	t := &throttle{now: now, buckets: map[string]*bucket{}}
	for _, rate := range rates {
		shared := &bucket{rate: rate.PerSecond, calls: max(1, rate.PerSecond)}
		for _, operation := range rate.Operations {
			t.buckets[operation] = shared
		}
	}
	return t
}

// take counts a call, or refuses it.
func (t *throttle) take(operation string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buckets[operation]
	if b == nil {
		return nil
	}
	now := t.now()
	if !b.filled.IsZero() {
		b.calls = min(max(1, b.rate), b.calls+b.rate*now.Sub(b.filled).Seconds())
	}
	b.filled = now
	if b.calls < 1 {
		return failure(codeThrottling, "Rate exceeded")
	}
	b.calls--
	return nil
}
