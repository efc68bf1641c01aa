package bench_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Lambda gives a function CPU by its memory: a whole core at 1,769 MB. It allots it in slices of a
// period, which is not documented; 20 ms can be observed.
const (
	memoryOfCore = 1769
	period       = 20 * time.Millisecond
)

// quotaPlaces are the control groups that this machine may have, of both versions.
var quotaPlaces = []struct {
	root  string
	write func(group string, quota time.Duration) error
}{
	{"/sys/fs/cgroup/cpu", func(group string, quota time.Duration) error {
		err := write(group, "cpu.cfs_period_us", strconv.FormatInt(period.Microseconds(), 10))
		if err == nil {
			err = write(group, "cpu.cfs_quota_us", strconv.FormatInt(quota.Microseconds(), 10))
		}
		return err
	}},
	{"/sys/fs/cgroup", func(group string, quota time.Duration) error {
		return write(group, "cpu.max", fmt.Sprintf("%d %d", quota.Microseconds(), period.Microseconds()))
	}},
}

// write writes to a file that the system has made. It makes none: without the file this is not a
// control group.
func write(group, name, text string) error {
	file, err := os.OpenFile(filepath.Join(group, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// newQuota makes a control group with the CPU of a function with so much memory, and returns a
// function that moves a process there.
func newQuota(t testing.TB, memoryMB int) (move func(pid int) error, err error) {
	quota := time.Duration(float64(period) * float64(memoryMB) / memoryOfCore)
	for _, place := range quotaPlaces {
		group := filepath.Join(place.root, fmt.Sprintf("engage-token-rotation-%d-%d", os.Getpid(), memoryMB))
		if err = os.Mkdir(group, 0o700); err != nil && !os.IsExist(err) {
			continue
		}
		t.Cleanup(func() { removeGroup(group) })
		if err = place.write(group, quota); err == nil {
			return func(pid int) error { return write(group, "cgroup.procs", strconv.Itoa(pid)) }, nil
		}
	}
	return nil, fmt.Errorf("make a control group: %w", err)
}

// removeGroup removes a control group once the last of its processes has ended.
func removeGroup(group string) {
	for range 50 {
		if err := os.Remove(group); err == nil || os.IsNotExist(err) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
