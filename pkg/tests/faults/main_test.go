package faults_test

import (
	"flag"
	"os"
	"runtime"
	"testing"

	"engage-token-rotation/pkg/tests/internal/binaries"
)

var (
	whole       = flag.Bool("faults", false, "run the whole matrix")
	flowFlag    = flag.String("flow", "", "only this login flow")
	variantFlag = flag.String("variant", "", "only this variant")
	callFlag    = flag.String("call", "", "only this call, by name or number; prints what happened")
	faultFlag   = flag.String("fault", "", "only this fault")
	burstFlag   = flag.Int("burst", 0, "only bursts of this length")
	againFlag   = flag.Bool("again", false, "with -burst: strike the call itself, once in each repetition")
	parallel    = flag.Int("cases", 0, "how many cases run at a time; 0: 24, or 96 in the whole matrix")
	verbose     = flag.Bool("log", false, "print what the functions log")
)

var built binaries.Dir

func TestMain(m *testing.M) { os.Exit(built.Run(m, runtime.GOMAXPROCS(0))) }
