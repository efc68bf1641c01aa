// Package readers measures how readers of the secret come through rotations: this product's own,
// and other people's clients from PyPI, npm and Maven Central.
//
// `make readers-foreign` rotates the token secret of two sandboxes at once: in one the previous
// token is deleted in finishSecret, in the other after a retention as long as the caches keep the
// secret. Programs in testdata call Engage all the time, each in every way that its language has.
// The test prints README's table of readers. With RECORD=1 it also writes what it measured to
// testdata/measured.json; another test prints that again and compares README with it.
package readers
