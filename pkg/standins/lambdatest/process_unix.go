//go:build unix

package lambdatest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// separate starts the process in a group of its own, so that its children can be killed with it.
func separate(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killAll kills the group. It does nothing to a process that was waited for: its id may be
// another's.
func killAll(command *exec.Cmd) {
	if command.Process.Signal(syscall.Signal(0)) == nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	}
	_ = command.Process.Kill()
}

// maxRSS is the highest memory use of an ended process, in bytes.
func maxRSS(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(usage.Maxrss) // bytes there, KiB elsewhere
	}
	return int64(usage.Maxrss) << 10
}

// peakRSS is the highest memory use of a running process, in bytes; 0 if the system does not report
// it.
func peakRSS(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, line, found := bytes.Cut(status, []byte("VmHWM:"))
	var kib int64
	if !found {
		return 0
	}
	if _, err := fmt.Sscan(string(line[:min(len(line), 40)]), &kib); err != nil {
		return 0
	}
	return kib << 10
}
