// Package faults tests the real binary over real HTTP: every call that a rotation makes, to Secrets
// Manager, SSM and Engage, meets every fault, once and in bursts of six. The rotation is repeated
// as the service repeats it, and one rotation without faults follows.
//
// Then the secret must hold a token that works, and no token of another program may have been
// touched. Every other live token must be kept by its record (issued for a version that carries
// AWSPENDING, or retiring and not due), or be reported: a creation was not answered, and its intent
// or an unclaimed record shows what it left. Reported tokens have a column of their own in the
// table.
//
// If the ledger has anything left to do, it is made two hours older and a sweep runs. The sweep
// must name every reported token with the event that deletes it. The events are sent, and then
// nothing may be left.
//
// These tests show what a simulation cannot: the SDK's and the transport's own repetitions,
// connections that break, and processes that are killed at any call.
//
// The package has tests only:
//
//	go test ./pkg/tests/faults -v                 the short matrix: each call, each fault, once
//	go test ./pkg/tests/faults -v -faults         the whole matrix: bursts, flows, foreign servers
//	go test ./pkg/tests/faults -v -flow=legacy    one flow
//	go test ./pkg/tests/faults -v -variant=V -call=C -fault=F -burst=N    one case, with its calls
//
// # A case
//
// A fresh deployment has a user, two tokens of other programs, an admin secret and a token secret.
// Every case has its own servers, function process and gate. The gate is the endpoint that the
// process calls. It passes calls on, and strikes the one in question and, in a burst, the following
// ones. The process makes every rotation that is struck, every repetition, and the rotation without
// faults. The rotation before the case and the last sweeps run the same code in the test's process,
// unless the variant is of a warm process: starting processes takes most of the CPU.
//
// Calls are named after step, operation and object, such as createSecret:PutParameter.intent,
// because concurrent calls arrive in any order. The numbers are of their order in one rotation
// without faults.
package faults
