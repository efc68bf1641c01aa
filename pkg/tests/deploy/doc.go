// Package deploy tests the deployment: template.yaml, its policies, alarms and dashboard, and the events.
//
// `go test` evaluates the template's policies against the calls that the real functions make in the sandbox, and looks for
// every metric and log field that an alarm, a metric filter or the dashboard names in what they wrote. `make test-sam`
// adds what needs SAM CLI and Docker: validation, both architectures' builds, the transformation to plain CloudFormation,
// and `sam local invoke` of every event.
package deploy
