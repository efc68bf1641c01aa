// Package adversary attacks whole functions: rotations and sweeps over the stand-ins for Secrets
// Manager, the Parameter Store and the vendor, in virtual time.
//
// Each test is one attack. While it goes on, every deletion at the vendor is checked: tokens that
// other programs made, and tokens that AWSCURRENT or AWSPENDING of a secret names, must stay alive.
// When the attack is over, the faults stop, each secret rotates once more, and sweeps follow. Then
// each secret must name a token that works, and every other live token must be foreign, or reported
// with the event that deletes it.
package adversary
