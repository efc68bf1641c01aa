//go:build !unix

package lambdatest

import (
	"os"
	"os/exec"
)

func separate(*exec.Cmd) {}

func killAll(command *exec.Cmd) { _ = command.Process.Kill() }

func maxRSS(*os.ProcessState) int64 { return 0 }

func peakRSS(int) int64 { return 0 }
