// Package simulation checks rotation, ledger and sweep: it runs their real code in virtual time.
// Every call to Secrets Manager, SSM and Engage may be lost, answered late, answered with an error
// before or after its effect, answered from an older state, or be the last one of a process that is
// killed. Steps come twice, late and at the same time. People edit the secret, cancel rotations,
// change passwords, make tokens, remove entries of the ledger, and delete and restore secrets. The
// vendor refuses everything for minutes, cuts its lists, ignores deletions and answers with old
// tokens. An observer sees all of it and checks the guarantees.
//
// One seed gives one history: a scheduler picks by a seeded generator which of the waiting calls
// goes on and what becomes of it, so that a violation replays. The table shows beside it a
// yardstick in the same world: the order of operations that AWS publishes for secrets of this kind.
//
// Where to read: a history is in history_test.go, how it behaves in nature_test.go and
// profiles_test.go, what goes wrong in faults_test.go, lies_test.go, people_test.go and
// deletions_test.go. The observer's facts are in events_test.go; each guarantee has a file of its
// own, g1_test.go to g9_test.go, and what excuses a token is named in observer_test.go and counted
// in the table. A safeguard of the product is marked //safeguard:name in its source; see
// mutant_test.go.
//
// The package holds tests alone:
//
//	go test ./pkg/tests/simulation -run TestSimulate -rotations=1000000 -v   the table of violations
//	go test ./pkg/tests/simulation -run TestSimulation -seed=S               one history, printed
//	go test ./pkg/tests/simulation -run TestMutations -mutations             without each safeguard
package simulation
