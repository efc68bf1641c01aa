// Package blackbox tests the rotation function as it is deployed: the real binary, called over the Lambda Runtime API, talking
// HTTP to Secrets Manager, SSM and Engage. It holds tests alone.
//
// Most tests use the stand-ins of this module, which can be made to answer anything. TestRotatesAgainstServersOfOthers
// uses moto and a small Engage server in Python instead, so that a mistake which product and stand-ins share shows.
package blackbox
