package fleet_test

// maxSweepCalls is how many calls to AWS a sweep may make that has nothing to delete: two for each
// secret, one for the login fields of each user, a page for 10 parameters and one for 100 secrets
// of the account, and a few.
func maxSweepCalls(f fleet) int {
	const few = 10
	parameters := f.secrets + 2*f.users
	return 2*f.secrets + f.users + parameters/10 + (f.secrets+f.users)/100 + few
}

// maxSweeps is how many sweeps may be needed until nothing is due. One user's deletions, two calls
// each, keep below the vendor's limit; those of many users, a record each, below that of Parameter
// Store.
func maxSweeps(f fleet) int {
	perSweep := 500
	if f.users > 1 {
		perSweep = 1800
	}
	return 1 + f.secrets/perSweep
}
