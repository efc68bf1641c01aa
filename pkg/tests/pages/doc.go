// Package pages holds the pages of this repository (the *.md files) to what they say: their length, their links, the files
// and functions that they name, their command blocks, and the words that they use. It has tests only.
//
//	go test ./pkg/tests/pages               everything that needs Go alone
//	go test ./pkg/tests/pages -commands     also runs the command blocks and the readers in other languages
//
// A command block runs against the sandbox. That needs the AWS CLI, curl and jq, and the readers need Python with boto3
// and requests, Node.js and a JDK.
package pages
