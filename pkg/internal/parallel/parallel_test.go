package parallel_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/internal/parallel"
)

var errFirst, errSecond = errors.New("first"), errors.New("second")

func TestDoRunsConcurrentlyAndReturnsTheFirstErrorInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := parallel.Do(
			func() error { time.Sleep(2 * time.Second); return errFirst }, nil,
			func() error { time.Sleep(time.Second); return errSecond })
		if !errors.Is(err, errFirst) || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
	if err := parallel.Do(nil, func() error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestAPanicIsRaisedAgainWhenAllHaveEnded(t *testing.T) {
	for name, run := range map[string]func(ended func()){
		"Do": func(ended func()) {
			_ = parallel.Do(func() error { panic("x") }, func() error { time.Sleep(time.Second); ended(); return nil })
		},
		"Each": func(ended func()) {
			parallel.Each(2, []int{0, 1, 2}, func(n int) {
				if n == 0 {
					panic("x")
				}
				time.Sleep(time.Second)
				if n == 2 {
					ended()
				}
			})
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ended := false
			defer func() {
				if recovered := recover(); recovered != "x" || !ended {
					t.Errorf("%s: recovered %v, the others have ended: %v", name, recovered, ended)
				}
			}()
			run(func() { ended = true })
			t.Errorf("%s: no panic", name)
		})
	}
}

func TestEachKeepsTheLimitAndTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := make([]int, 40)
		for n := range items {
			items[n] = n
		}
		var mu sync.Mutex
		var begun []int
		running, most := 0, 0
		parallel.Each(8, items, func(n int) {
			mu.Lock()
			begun = append(begun, n)
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Minute)
			mu.Lock()
			running--
			mu.Unlock()
		})
		if most != 8 {
			t.Errorf("%d at a time", most)
		}
		for k := 0; k < len(items); k += 8 { // those of one minute begin in any order
			slices.Sort(begun[k : k+8])
		}
		if !slices.Equal(begun, items) {
			t.Errorf("order %v", begun)
		}
	})
	parallel.Each(8, nil, func(int) { t.Error("called for nothing") })
}
