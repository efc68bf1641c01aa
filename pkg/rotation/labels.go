package rotation

import (
	"context"
	"errors"
)

// agree reports whether the version is AWSCURRENT, as soon as the description and the value say the same of where that
// stands, and the version is not without its labels: what was read may be some seconds old, or a label was moved between
// the two reads.
func (i *invocation) agree(ctx context.Context) (current bool, err error) {
	for try := 0; ; try++ {
		agreed := i.current.ID == i.labels.Holder(LabelCurrent)
		switch {
		case agreed && i.labelled():
			return i.current.ID == i.event.VersionID, nil
		case pause(ctx, try):
		case agreed:
			return false, errLabelLost()
		default:
			return false, fail("check the version", errors.New("reads of the secret do not agree on AWSCURRENT"), "the service repeats the rotation")
		}
		if err := i.readCurrent(ctx); err != nil {
			return false, err
		}
		if err := i.describe(ctx); err != nil {
			return false, err
		}
	}
}

// labelled reports whether the version carries a label that lets its rotation go on.
func (i *invocation) labelled() bool {
	return i.labels.Carries(i.event.VersionID, LabelPending) || i.labels.Carries(i.event.VersionID, LabelCurrent)
}

// describe reads the labels anew.
func (i *invocation) describe(ctx context.Context) (err error) {
	i.labels, err = i.config.Secrets.Describe(ctx, i.event.SecretID)
	return fail2("describe the secret", err, "the service repeats the rotation")
}
