// Package awstest is a stand-in for AWS Secrets Manager and the SSM Parameter Store, for tests,
// simulations and the sandbox.
//
// It has two layers. [SecretsManager] and [ParameterStore] are the services' state and rules,
// called from Go: a plain mutex, an injected clock, no goroutine unless [SecretsConfig.Invoke] is
// set, memory bounded by pruning deprecated versions; they work inside testing/synctest bubbles.
// [Server] puts both behind one HTTP endpoint that speaks JSON 1.1 as the AWS SDKs, the AWS CLI and
// boto3 do, records the calls and lets a test inject faults.
//
// Rotations run as the service runs them: RotateSecret answers at once, the new version has
// AWSPENDING and no value, four steps are invoked, a failure repeats the whole rotation with the
// same token, a write by hand abandons it. A simulation that decides itself when a step runs leaves
// Invoke nil and uses [SecretsManager.BeginRotation], [SecretsManager.CheckRotation] and
// [SecretsManager.EndRotation].
//
// It promises label moves, errors and error codes as AWS documents them or as recordings of the
// real service show them. If neither says what the service does, a field of the configuration
// decides, and its comment says so. It does not do IAM policies (there is a hook), KMS,
// replication, resource policies, and quotas other than those named in the configuration.
package awstest
