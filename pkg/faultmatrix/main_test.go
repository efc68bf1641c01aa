package faultmatrix_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"engage-token-rotation/pkg/engage"
)

var (
	whole       = flag.Bool("faults", false, "run the whole matrix")
	flowFlag    = flag.String("flow", "", "only this login flow")
	variantFlag = flag.String("variant", "", "only this variant")
	callFlag    = flag.String("call", "", "only this call, by name or number; prints what happened")
	faultFlag   = flag.String("fault", "", "only this fault")
	burstFlag   = flag.Int("burst", 0, "only bursts of this length")
	againFlag   = flag.Bool("again", false, "with -burst: strike the call itself, each time that a repetition comes to it")
	parallel    = flag.Int("cases", 24, "how many cases run at a time; they wait most of their time")
	verbose     = flag.Bool("log", false, "print what the functions log")
)

// binaries are the bootstrap binaries by function name.
var binaries = map[string]string{}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "faultmatrix")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, name := range []string{"rotate", "sweep"} {
		if err := build(name, filepath.Join(dir, name)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		binaries[name] = filepath.Join(dir, name)
	}
	return m.Run()
}

// build builds a function as for a deployment, but for this machine.
func build(name, path string) error {
	command := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags=-s -w", "-o", path, "../../functions/"+name)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=", "GOARCH=", "GOFLAGS=")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build functions/%s: %w\n%s", name, err, output)
	}
	return nil
}

// variant is a kind of world in which cases take place.
type variant struct {
	name string
	flow engage.Flow
	// inline: the login fields stand in the token secret itself.
	inline bool
	// first: the secret has no token yet.
	first bool
	// warm: the process has made a rotation, and keeps its session.
	warm bool
	// neighbour: another secret of the same user is rotated meanwhile, by a process of its own.
	neighbour bool
	after     aftermath
	// bursts are the lengths to try with the short and with the whole matrix.
	short, bursts []int
	// again: bursts strike the call itself each time.
	again bool

	services func(testing.TB) services
}

// aftermath is what follows the attempt that was struck, before the clean rotation.
type aftermath int

const (
	afterRetry  aftermath = iota // the service repeats the rotation
	afterCancel                  // nobody does; an operator takes AWSPENDING away
	afterSweep                   // nobody does; a sweep runs
)

var variants = []variant{
	{name: "later", flow: engage.FlowEngage, short: []int{1}, bursts: []int{1, 6}},
	{name: "first", flow: engage.FlowEngage, first: true, bursts: []int{1, 6}},
	{name: "inline", flow: engage.FlowEngage, inline: true, bursts: []int{1, 6}},
	{name: "warm", flow: engage.FlowEngage, warm: true, bursts: []int{1, 6}},
	{name: "again", flow: engage.FlowEngage, again: true, bursts: []int{3}},
	{name: "cancelled", flow: engage.FlowEngage, after: afterCancel, bursts: []int{1, 6}},
	{name: "swept", flow: engage.FlowEngage, after: afterSweep, bursts: []int{1, 6}},
	{name: "neighbour", flow: engage.FlowEngage, neighbour: true, bursts: []int{1, 6}},
	{name: "later", flow: engage.FlowRingCentral, bursts: []int{1, 6}},
	{name: "inline-first", flow: engage.FlowRingCentral, inline: true, first: true, bursts: []int{1}},
	{name: "later", flow: engage.FlowLegacy, bursts: []int{1, 6}},
	{name: "inline-first", flow: engage.FlowLegacy, inline: true, first: true, bursts: []int{1}},
}
