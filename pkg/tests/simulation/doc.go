// Package simulation puts rotation, ledger and sweep to the test: it runs their real code in a
// world of virtual time, in which every call to Secrets Manager, SSM and Engage may be lost,
// answered late, answered with an error before or after its effect, answered from an older state,
// or be the last one of a process that is killed; in which steps come twice, late and at the same
// time; and in which people edit the secret, cancel rotations, change passwords and make tokens. An
// observer that sees all of it checks the guarantees.
//
// One seed gives one history: a scheduler picks by a seeded generator which of the waiting calls
// goes on and what becomes of it, so that a violation replays. Beside it, in the same world, runs a
// yardstick: the order of operations that AWS publishes for secrets of this kind.
//
// The package holds tests alone:
//
//	go test ./pkg/tests/simulation -run TestSimulate -rotations=1000000 -v   the table of violations
//	go test ./pkg/tests/simulation -run TestSimulation -seed=S               one history, printed
//	go test ./pkg/tests/simulation -run TestMutations -mutations       each safeguard removed in turn
package simulation
