package readers_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/sandbox"
)

// period is from one rotation to the next. AWS's caching clients wait up to 5.5 s before a forced
// refresh.
const period = 8 * time.Second

// world is a sandbox and the readers in it.
type world struct {
	*testing.T
	box       *sandbox.Sandbox
	retention time.Duration
	env       []string // of the programs
	config    aws.Config
	programs  []*program
}

func newWorld(t *testing.T, retention time.Duration) *world {
	t.Helper()
	box, err := sandbox.Start(t.Context(), sandbox.Config{
		Retention: retention,
		Binaries: map[string]string{
			sandbox.FunctionRotate: built.Function(t, "rotate"), sandbox.FunctionSweep: built.Function(t, "sweep"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Close)
	w := &world{T: t, box: box, retention: retention}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "AWS_") {
			w.env = append(w.env, entry)
		}
	}
	for _, line := range box.Exports() {
		w.env = append(w.env, strings.Fields(strings.TrimPrefix(line, "export "))...)
	}
	w.env = append(w.env, "ENGAGE_BASE_URL="+box.EngageURL, "AWS_CONFIG_FILE=/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null", "PYTHONDONTWRITEBYTECODE=1",
		"NODE_NO_WARNINGS=1")
	w.config = aws.Config{Region: sandbox.Region, BaseEndpoint: &box.AWSURL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIASANDBOXuser", "sandbox", "")}
	return w
}

// rotate rotates the secret once, and then sweeps at the end of the retention, so that the previous
// token is dead before the period is over.
func (w *world) rotate(ctx context.Context) {
	w.Helper()
	next := time.After(period)
	w.forgetLogins(ctx)
	if _, err := w.box.Rotate(ctx, ""); err != nil {
		w.Fatal(err)
	}
	if err := w.box.Wait(ctx); err != nil {
		w.Fatal(err)
	}
	if w.retention > 0 {
		// The product adds the consistency time of Secrets Manager to a retention.
		<-time.After(w.retention + ledger.Consistency + 100*time.Millisecond)
		if _, err := w.box.Invoke(ctx, sandbox.FunctionSweep, []byte("{}")); err != nil {
			w.Fatal(err)
		}
	}
	if live := w.live(); live != 1 {
		w.Errorf("%d tokens are alive at the end of a period: a reader that holds the previous one would not fail", live)
	}
	<-next
}

// live returns how many live tokens of this product the vendor has.
func (w *world) live() int {
	user := w.box.State().Users[0]
	return len(user.Tokens) - len(user.Foreign)
}

// forgetLogins deletes the counters of logins: the product allows five a minute, and this test
// rotates more often.
func (w *world) forgetLogins(ctx context.Context) {
	w.Helper()
	client := ssm.NewFromConfig(w.config)
	page, err := client.GetParametersByPath(ctx, &ssm.GetParametersByPathInput{
		Path: aws.String(settings.DefaultPrefix + "/logins"), Recursive: aws.Bool(true)})
	if err != nil {
		w.Fatal(err)
	}
	for _, p := range page.Parameters {
		if _, err := client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: p.Name}); err != nil {
			w.Fatal(err)
		}
	}
}

// result is what a program reports about a reader.
type result struct {
	Calls  int    `json:"calls"`
	Failed int    `json:"failed"`
	Error  string `json:"error,omitempty"`
}

// results ends the programs and returns what they report, by reader.
func (w *world) results() map[string]result {
	w.Helper()
	all := map[string]result{}
	for _, p := range w.programs {
		var some map[string]result
		text := p.end()
		if err := json.Unmarshal([]byte(text), &some); err != nil {
			w.Errorf("%s: %v: %s", p.name, err, text)
		}
		for name, r := range some {
			if _, twice := all[name]; twice {
				w.Errorf("two programs report %s", name)
			}
			all[name] = r
		}
	}
	if violations := w.box.State().Violations; len(violations) > 0 {
		w.Errorf("readers broke %d rules of the vendor, such as %s", len(violations), violations[0])
	}
	return all
}
