package bench_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"
)

// samples are the measured processes of one program.
type samples []sample

// figure is the median, minimum and maximum of a quantity.
type figure struct{ median, least, most float64 }

func figureOf[T cmp.Ordered](s samples, of func(sample) T, unit func(T) float64) figure {
	values := make([]float64, len(s))
	for i, x := range s {
		values[i] = unit(of(x))
	}
	slices.Sort(values)
	n := len(values)
	return figure{median: (values[(n-1)/2] + values[n/2]) / 2, least: values[0], most: values[n-1]}
}

func (s samples) milliseconds(of func(sample) time.Duration) figure {
	return figureOf(s, of, func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) })
}

func (s samples) mebibytes(of func(sample) int64) figure {
	return figureOf(s, of, func(n int64) float64 { return float64(n) / (1 << 20) })
}

func (f figure) String() string {
	if f.most == 0 {
		return "-"
	}
	return fmt.Sprintf("%s (%s to %s)", digits(f.median), digits(f.least), digits(f.most))
}

// digits prints three significant digits.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// The quantities of a sample.
func initOf(s sample) time.Duration     { return s.init }
func initCPUOf(s sample) time.Duration  { return s.initCPU }
func firstOf(s sample) time.Duration    { return s.first }
func firstCPUOf(s sample) time.Duration { return s.firstCPU }
func warmOf(s sample) time.Duration     { return s.warm }
func rotationOf(s sample) time.Duration { return s.rotation }
func peakOf(s sample) int64             { return s.peak }
func cpuTimeOf(s sample) time.Duration  { return s.cpu }

// interleaved measures every subject in each round, and begins each round with another one, so that
// other work of the machine affects all of them alike.
func interleaved(t testing.TB, rounds int, how start, subjects []subject) map[string]samples {
	t.Helper()
	measured := map[string]samples{}
	for round := range rounds {
		for i := range subjects {
			s := subjects[(i+round)%len(subjects)]
			if s.rare > 0 && round%s.rare != 0 {
				continue
			}
			measured[s.name] = append(measured[s.name], s.once(t, how))
		}
	}
	return measured
}
