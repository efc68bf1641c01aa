package fleet_test

// maxSweepCalls is how many calls to AWS a sweep may make that has nothing to delete: two for each
// secret, one for the login fields of each user, a page for 10 parameters and one for 100 secrets
// of the account, and a few.
func maxSweepCalls(f fleet) int {
	const few = 10
	parameters := f.secrets + 2*f.users
	return 2*f.secrets + f.users + parameters/10 + (f.secrets+f.users)/100 + few
}

// maxSweeps is how many sweeps may be needed until nothing is due: one user's deletions are limited
// by the vendor, those of many by Parameter Store.
func maxSweeps(f fleet) int {
	perSweep := 150
	if f.users > 1 {
		perSweep = 600
	}
	return 1 + f.secrets/perSweep
}

// maxFaults is how many faults the sweeps may report.
func maxFaults(f fleet) int {
	if f.users > 1 && f.due {
		return f.secrets // records that Parameter Store does not take in time
	}
	return 0
}
