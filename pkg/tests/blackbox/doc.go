// Package blackbox tests the rotation function as it is deployed: the real binary, called over the
// Lambda Runtime API, with HTTP to Secrets Manager, SSM and Engage. It has tests only.
//
// Most tests use the stand-ins of this module, which can answer anything.
// TestRotatesAgainstForeignServers uses moto and a small Engage server in Python, to find a mistake
// that the product and the stand-ins share.
package blackbox
