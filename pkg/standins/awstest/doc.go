// Package awstest stands in for AWS Secrets Manager and the SSM Parameter Store in tests, simulations and the sandbox.
//
// It has two layers. [SecretsManager] and [ParameterStore] are the services' state and rules, called from Go: a plain
// mutex, an injected clock, no goroutine unless [SecretsConfig.Invoke] is set, memory bounded by pruning deprecated
// versions; they work inside testing/synctest bubbles. [Server] puts both behind one HTTP endpoint that speaks JSON 1.1
// as the AWS SDKs, the AWS CLI and boto3 do, records the calls and lets a test inject faults.
//
// Rotations run as the service runs them: RotateSecret answers at once, the new version stands in AWSPENDING without a
// value, four steps are invoked, a failure repeats the whole rotation with the same token, a write by hand abandons it.
// A simulation that wants to decide itself when a step runs leaves Invoke nil and uses [SecretsManager.BeginRotation],
// [SecretsManager.CheckRotation] and [SecretsManager.EndRotation].
//
// What it promises: label moves, errors and their codes as AWS documents them or as recordings of the real service
// show them. Where nobody says what the service does, a field of the configuration decides, and its comment says so.
// What it does not do: IAM policies (a hook stands in), KMS, replication, resource policies, quotas other than those
// named in the configuration.
package awstest
