package fleet_test

import (
	"sync"
	"time"
)

// The latencies of a call.
const (
	awsLatency    = 20 * time.Millisecond
	vendorLatency = 150 * time.Millisecond
)

// The limits of the vendor for one user in a minute. It prints 120 requests for its admin pages,
// and 5 exchanges of a login; this product allows itself 5 logins of any kind.
const (
	vendorCalls  = 120
	vendorLogins = 5
)

// quota is a rate that several operations share, in calls a second for an account and Region.
type quota struct {
	rate       float64
	operations []string
}

// quotas are AWS's published ones for the operations in use. That of DeleteParameter is not
// published; operators report a fixed 5 a second.
var quotas = []quota{
	{10_000, []string{"DescribeSecret", "GetSecretValue"}},
	{100, []string{"ListSecrets"}},
	{100, []string{"BatchGetSecretValue"}},
	{50, []string{"PutSecretValue", "UpdateSecretVersionStage"}},
	{40, []string{"GetParameter", "GetParameters", "GetParametersByPath"}},
	{3, []string{"PutParameter"}},
	{5, []string{"DeleteParameter", "DeleteParameters"}},
}

// bucket lets calls pass at a rate, with a burst of one second. It is safe for concurrent use.
type bucket struct {
	rate float64

	mu     sync.Mutex
	tokens float64
	filled time.Time
}

// newBuckets returns a full bucket for each operation; those of one quota share it.
func newBuckets() map[string]*bucket {
	byOperation := map[string]*bucket{}
	for _, q := range quotas {
		b := &bucket{rate: q.rate, tokens: q.rate, filled: time.Now()}
		for _, operation := range q.operations {
			byOperation[operation] = b
		}
	}
	return byOperation
}

// take reports whether a call may pass now.
func (b *bucket) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.tokens = min(b.rate, b.tokens+b.rate*now.Sub(b.filled).Seconds())
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
