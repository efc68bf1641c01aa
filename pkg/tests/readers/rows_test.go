package readers_test

import "time"

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

// row is a way to read the secret.
type row struct {
	key, name  string // in the programs' results; in the table
	cache      string // what the table says about its cache
	asksAgain  string
	retention  string
	need       need
	cannotBe   string // why it is not run, or ""
	calls      [2]int // by sandbox: without a retention, and with one
	failed     [2]int
	lastErrors [2]string
}

const asLong = "the same"

// newRows returns the rows of the table, in its order.
func newRows() []*row {
	return []*row{
		{key: "tokensource", name: "Go: `pkg/tokensource`", cache: "5 min", asksAgain: "yes", retention: "none"},
		{key: "engage_client.py", name: "Python: `engage_client.py`", cache: "5 min", asksAgain: "yes", retention: "none"},
		{key: "engage-client.mjs", name: "Node.js: `engage-client.mjs`", cache: "5 min", asksAgain: "yes", retention: "none"},
		{key: "EngageClient.java", name: "Java: `EngageClient.java`", cache: "5 min", asksAgain: "yes", retention: "none"},
		{key: "caching-python-refresh", name: "AWS caching, Python, `refresh_secret_now` at 401", cache: "1 h",
			asksAgain: "yes", retention: "none"},
		{key: "caching-java-refresh", name: "AWS caching, Java, `refreshNow` at 401", cache: "1 h",
			asksAgain: "yes", retention: "none"},
		{key: "powertools-python-force", name: "Powertools, Python, `force_fetch` at 401", cache: "5 min",
			asksAgain: "yes", retention: "none"},
		{key: "powertools-node-force", name: "Powertools, TypeScript, `forceFetch` at 401", cache: "5 s",
			asksAgain: "yes", retention: "none"},
		{key: "agent", name: "Secrets Manager Agent, `refreshNow=true` at 401", cache: "5 min", asksAgain: "yes",
			retention: "none", cannotBe: "a server, on no registry"},
		{key: "sdk-go", name: "AWS SDK or CLI, a read before each call: Go", cache: "none", asksAgain: "no",
			retention: "a call", need: needsACall},
		{key: "boto3", name: "the same: boto3", cache: "none", asksAgain: "no", retention: "a call", need: needsACall},
		{key: "sdk-node", name: "the same: JavaScript", cache: "none", asksAgain: "no", retention: "a call",
			need: needsACall},
		{key: "powertools-python", name: "Powertools, Python", cache: "5 min", asksAgain: "no", retention: asLong,
			need: needsCache},
		{key: "powertools-node", name: "Powertools, TypeScript", cache: "5 s", asksAgain: "no", retention: asLong,
			need: needsCache},
		{key: "caching-python", name: "AWS caching, Python", cache: "1 h", asksAgain: "no", retention: asLong,
			need: needsCache},
		{key: "caching-java", name: "AWS caching, Java", cache: "1 h", asksAgain: "no", retention: asLong,
			need: needsCache},
		{key: "caching-python-decorator", name: "AWS caching, Python decorators", cache: "life of the process",
			asksAgain: "no", retention: asLong, need: needsCache},
	}
}
