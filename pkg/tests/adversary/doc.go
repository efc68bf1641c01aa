// Package adversary attacks whole functions: rotations and sweeps over the stand-ins for Secrets
// Manager, the Parameter Store and the vendor, in virtual time.
//
// Each test is one attack. While it goes on, every deletion at the vendor is checked: tokens that
// other programs made, and tokens that AWSCURRENT or AWSPENDING of a secret names, stay alive. When
// it is over the faults stop, each secret rotates once more, and the sweeps follow. Then each
// secret names a token that works, and what else is alive is foreign, or is reported with the event
// that deletes it.
package adversary
