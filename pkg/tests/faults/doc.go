// Package faults tests the real binary through real HTTP: every call that a rotation makes, to
// Secrets Manager, SSM and Engage, meets every fault, once and in bursts of six. The rotation is
// repeated as the service repeats it, and one clean rotation follows. Then the secret must hold a
// token that works, every other token that was created must be gone, and the tokens of other
// programs must be untouched.
//
// It covers what a simulation cannot: the SDK's and the transport's own repetitions, broken
// connections, and processes that are killed during a call.
//
// The package has tests only:
//
//	go test ./pkg/tests/faults -v                 the short matrix: each call, each fault, once
//	go test ./pkg/tests/faults -v -faults         the whole matrix, with bursts, all flows and foreign servers
//	go test ./pkg/tests/faults -v -flow=legacy    one flow
//	go test ./pkg/tests/faults -v -variant=V -call=C -fault=F -burst=N    one case, with every call that it made
//
// # A case
//
// A fresh deployment has a user, two tokens of other programs, an admin secret and a token secret.
// Every case has its own stand-ins, function process and gate. The gate is the endpoint that the
// process calls. It passes calls on, and strikes one call and, in a burst, the following ones.
//
// Calls are named after step, operation and object, such as createSecret:PutParameter.intent,
// because concurrent ones arrive in any order. The numbers are from their order in one clean
// rotation.
package faults
