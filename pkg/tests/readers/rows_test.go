package readers_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// ttl is how long caches keep the secret here, and the retention of the second sandbox. In use it
// is minutes or hours; what counts is that the two are equal.
const ttl = 2 * time.Second

// need is the retention without which a reader has failed calls.
type need int

const (
	needsNone  need = iota // asks again after a refusal
	needsACall             // as long as a call takes
	needsCache             // as long as the cache keeps the secret
)

// row is a way to read the secret, in one language or more.
type row struct {
	name, cache, asksAgain, retention string // as the table has them
	// keys are the readers in the programs' results. Without one, the row cannot be run here.
	keys []string
	need need
}

// newRows returns the rows of the table, in its order.
func newRows() []row {
	return []row{
		{"[Go, Python, Node.js, Java clients](pkg/tokensource/README.md)", "5 min", "yes", "none",
			[]string{"tokensource", "engage_client.py", "engage-client.mjs", "EngageClient.java"}, needsNone},
		{"AWS's caching client with `refresh_secret_now`, `refreshNow` at 401", "1 h", "yes", "none",
			[]string{"caching-python-refresh", "caching-java-refresh"}, needsNone},
		{"Powertools with `force_fetch`, `forceFetch` at 401", "5 min, 5 s", "yes", "none",
			[]string{"powertools-python-force", "powertools-node-force"}, needsNone},
		{"Secrets Manager Agent with `refreshNow=true` at 401", "5 min", "yes", "none", nil, needsNone},
		{"AWS CLI or SDK before each call", "none", "no", "a call's length",
			[]string{"sdk-go", "boto3", "sdk-node"}, needsACall},
		{"Powertools, Python and TypeScript", "5 min, 5 s", "no", "as cached",
			[]string{"powertools-python", "powertools-node"}, needsCache},
		{"AWS's caching client, Python and Java", "1 h", "no", "as cached",
			[]string{"caching-python", "caching-java"}, needsCache},
		{"its Python decorators", "the process", "no", "as cached", []string{"caching-python-decorator"}, needsCache},
		{"AWS's caching client, Go, .NET; Rust", "1 h; your TTL", "no", "as cached", nil, needsCache},
		{"Secrets Lambda extension", "5 min at most", "no", "as cached", nil, needsCache},
		{"[ECS](pkg/tokensource/recipes/ecs-redeploy.yaml) `secrets`", "the task", "no", "a deployment", nil, needsCache},
		{"[External Secrets](pkg/tokensource/recipes/external-secrets.yaml), " +
			"[CSI driver](pkg/tokensource/recipes/secrets-store-csi.yaml)", "7 min, 2 min", "no", "10 min, 5 min", nil,
			needsCache},
	}
}

// text returns the columns before the figures.
func (r row) text() string {
	return strings.Join([]string{r.name, r.cache, r.asksAgain, r.retention}, " | ")
}

// figures returns the failed calls without a retention, and at the one that the row names.
func (r row) figures(m measured) string {
	switch {
	case r.keys == nil:
		return "not run | not run"
	case r.need == needsNone:
		return r.worst(m.Without) + " | the same"
	default:
		return r.worst(m.Without) + " | " + r.worst(m.With)
	}
}

// worst returns the figures of the row's reader with the largest share of failed calls; if the
// shares are equal, of the one with the fewest calls.
func (r row) worst(results map[string]result) string {
	worst := slices.MaxFunc(r.keys, func(a, b string) int {
		x, y := results[a], results[b]
		return cmp.Or(cmp.Compare(x.Failed*y.Calls, y.Failed*x.Calls), cmp.Compare(y.Calls, x.Calls))
	})
	return fmt.Sprintf("%d of %d", results[worst].Failed, results[worst].Calls)
}

// measured is what a run found about each reader.
type measured struct {
	Rotations int               `json:"rotations"`
	Without   map[string]result `json:"retention0"`
	With      map[string]result `json:"retention"` // a retention as long as the caches keep the secret
}

const tableHead = "" +
	"| reader | cache | asks again at 401 | retention needed | failed calls at 0 | at that retention |\n" +
	"|---|---|---|---|---:|---:|\n"

// table returns README's table and the sentence below it.
func (m measured) table() string {
	var table strings.Builder
	table.WriteString(tableHead)
	for _, r := range newRows() {
		fmt.Fprintf(&table, "| %s | %s |\n", r.text(), r.figures(m))
	}
	fmt.Fprintf(&table, "\nThe output of `make readers-foreign`: %d rotations, with caches and retention of %.0f s. "+
		"A row has the\nfigures of its reader with the largest share of failed calls.", m.Rotations, ttl.Seconds())
	return table.String()
}

func TestRowHasTheFiguresOfItsWorstReader(t *testing.T) {
	results := map[string]result{
		"many calls": {Calls: 900, Failed: 9}, "most failed": {Calls: 90, Failed: 8},
		"none failed": {Calls: 80}, "none of few": {Calls: 70},
	}
	for want, keys := range map[string][]string{
		"8 of 90": {"many calls", "most failed", "none failed"},
		"0 of 70": {"none failed", "none of few"},
	} {
		if got := (row{keys: keys}).worst(results); got != want {
			t.Errorf("%v: %s, want %s", keys, got, want)
		}
	}
}
