// Package sandbox runs the product on one machine: the real function binaries, started as Lambda
// starts them, between stand-ins for Secrets Manager, the Parameter Store, Lambda and Engage Voice.
// No AWS account and no container is needed.
//
//	box, err := sandbox.Start(ctx, sandbox.Config{Binaries: binaries})
//	defer box.Close()
//	version, err := box.Rotate(ctx, "")          // RotateSecret over HTTP, as a user calls it
//	err = box.Wait(ctx)                          // until the four steps are done
//	for _, finding := range box.Check(ctx) { ... } // what must be true then
//
// There are two listeners. The AWS one answers for Secrets Manager, SSM and Lambda's Invoke alike,
// so that one AWS_ENDPOINT_URL serves; at / it has a page for browsers (package page), and below
// /_sandbox/ the page's API, which reports what happened and changes the world (see [PathAPI]). The
// other one is the vendor: Engage, the RingCentral platform and the legacy portal at one address.
//
// The page shows a [View]. A [Strike] breaks one call of the next rotation. The yardstick is AWS's
// published order of operations, with a secret and a user of its own, and meets the same strike.
// Two kinds of readers call Engage while a page is open (see [Reader]).
//
// [Demo] is `make run`: three rotations, a timeline and a check of the end. [Serve] is `make
// sandbox`: it stays up.
//
// Limits: IAM policies are not enforced (calls are recorded), times are real, so that a retention
// and the limit of five logins a minute last as long as they say, and the state is lost at the end.
// The secrets are made up and signatures are not checked: do not let it listen at an address that
// strangers can reach.
package sandbox
