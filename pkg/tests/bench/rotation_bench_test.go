package bench_test

import (
	"testing"

	"engage-token-rotation/pkg/engage"
)

// BenchmarkRotation is a whole rotation with all of its code but the network: the SDK's clients,
// the stand-ins' answers.
func BenchmarkRotation(b *testing.B) {
	sv := newServices(b, engage.FlowEngage, true, 0)
	defer sv.end()
	invoke := sv.newRotator()
	sv.rotate(invoke, nil) // logs in
	for b.Loop() {
		sv.rotate(invoke, nil)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rotations/s")
}
