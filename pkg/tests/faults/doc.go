// Package faults puts the real binary to the test through real HTTP: every call that a rotation makes, to Secrets
// Manager, SSM and Engage, meets every fault, once and in bursts of six; the rotation is repeated as the service repeats
// it, and one clean rotation follows. Then the secret must hold a token that works, every other token that was made must
// be gone, and nobody else's may have been touched.
//
// What a simulation cannot show stands here: the SDK's and the transport's own repetitions, connections that break, and
// processes that are killed in the middle.
//
// The package holds tests alone:
//
//	go test ./pkg/tests/faults -v                 the short matrix: each call, each fault, once
//	go test ./pkg/tests/faults -v -faults         the whole matrix, with bursts, all flows and foreign servers
//	go test ./pkg/tests/faults -v -flow=legacy    one flow
//	go test ./pkg/tests/faults -v -variant=V -call=C -fault=F -burst=N    one case, with every call that it made
//
// # A case
//
// A fresh deployment has a user, two tokens of other programs, an admin secret and a token secret. Every case has its own
// stand-ins, function process and gate. The gate is the endpoint that the process calls, passes calls on, and strikes
// the one in question and, in a burst, the following ones.
//
// Calls are named after step, operation and object, such as createSecret:PutParameter.intent, since those that are made
// side by side arrive in any order; the numbers are of their order in one clean rotation.
package faults
