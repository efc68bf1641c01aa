// Package parallel runs independent calls concurrently.
package parallel

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Do runs the functions concurrently, the last one on the caller's goroutine, waits for all, and
// returns the first error in the order of the arguments. A nil function is left out. If a function
// panics, Do panics with the same value after all have ended, so that the caller can recover it.
func Do(functions ...func() error) error {
	errs := make([]error, len(functions))
	panics := make([]any, len(functions))
	run := func(i int) {
		defer func() { panics[i] = recover() }()
		errs[i] = functions[i]()
	}
	var wg sync.WaitGroup
	last := -1
	for i, f := range functions {
		if f == nil {
			continue
		}
		if last >= 0 {
			other := last
			wg.Go(func() { run(other) })
		}
		last = i
	}
	if last >= 0 {
		run(last)
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Each calls f for every item, at most limit at a time and in their order, and waits for all. A
// panic in one of them is raised again here after all have ended.
func Each[T any](limit int, items []T, f func(T)) {
	var next atomic.Int64
	worker := func() error {
		var panicked any
		for n := next.Add(1) - 1; n < int64(len(items)); n = next.Add(1) - 1 {
			func() {
				defer func() {
					if p := recover(); p != nil {
						panicked = p
					}
				}()
				f(items[n])
			}()
		}
		if panicked != nil {
			panic(panicked)
		}
		return nil
	}
	_ = Do(slices.Repeat([]func() error{worker}, min(limit, len(items)))...)
}
