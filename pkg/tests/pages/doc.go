// Package pages holds the pages of this repository (the *.md files) to what they say: their length,
// their links, the files and functions that they name, their command blocks, and their words. It
// has tests only.
//
//	go test ./pkg/tests/pages           everything
//	go test ./pkg/tests/pages -short    what needs Go alone: no block and no reader is run
//
// A command block runs against the sandbox. That needs the AWS CLI, curl and jq; the readers need
// Python with boto3 and requests, Node.js and a JDK.
package pages
