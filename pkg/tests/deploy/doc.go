// Package deploy tests the deployment: template.yaml, its policies, alarms and dashboard, and the
// events.
//
// `go test` runs the real functions in the sandbox and compares the template with what they do. Its
// policies must allow every call that they made, and nothing else. Every metric and log field in an
// alarm or in the dashboard must be in what they wrote. Each alarm must be raised by the trouble
// that it is for, and not without trouble.
//
// `make test-sam` adds what needs SAM CLI, checkov and Docker: validation, the builds for both
// architectures, the transformation to plain CloudFormation and its checks, `sam local invoke` with
// every file of events/, and the archive of a release.
package deploy
