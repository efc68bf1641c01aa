// Package sandbox runs the product on one machine: the real function binaries, started as Lambda starts them, between
// stand-ins for Secrets Manager, the Parameter Store, Lambda and Engage Voice. No AWS account and no container is needed.
//
//	box, err := sandbox.Start(ctx, sandbox.Config{Binaries: binaries})
//	defer box.Close()
//	version, err := box.Rotate(ctx, "")          // RotateSecret over HTTP, as a user calls it
//	err = box.Wait(ctx)                          // until the four steps are done
//	for _, finding := range box.Check(ctx) { ... } // what must be true then
//
// There are two listeners. The AWS one answers for Secrets Manager, SSM and Lambda's Invoke alike, so that one
// AWS_ENDPOINT_URL serves; below /_sandbox/ it tells what happened (see [State] and [Calls]) and takes [Scenario] switches.
// The other one is the vendor: Engage, the RingCentral platform and the legacy portal at one address.
//
// [Demo] is `make run`: three rotations, a timeline and a check of the end. [Serve] is `make sandbox`: it stays up.
//
// What it is not: IAM policies are not enforced (they are recorded), times are real, so that retentions and the limit of
// five logins a minute take as long as they say, and nothing survives its end. It holds made-up secrets and checks no
// signatures: do not let it listen where strangers reach it.
package sandbox
