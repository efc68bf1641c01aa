package reading

import (
	"cmp"
	"context"
	"errors"
	"time"

	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// Store is where secrets are read. Reads may lag by some seconds.
type Store interface {
	secret.Getter
	// Describe returns the secret's ARN and its labelled versions. secret.ErrNotFound: the secret does
	// not exist.
	Describe(ctx context.Context, secretID string) (secret.Description, error)
}

// Reader reads for one invocation. It is safe for concurrent use. Errors are of type
// *report.Failure. All fields are required.
type Reader struct {
	Store Store
	// SecretID is the secret's ARN or name, and VersionID the version that is to get a token.
	SecretID, VersionID string
	Settings            *settings.Loader
	Ledger              *ledger.Ledger
	// Admins reads admin secrets, each once.
	Admins secret.Getter
	Now    func() time.Time
}

// Needs names what a step reads, beside AWSCURRENT and the version that is to get a token.
type Needs struct {
	Settings bool // the vendor will be called
	Labels   bool // the labels of all versions, which agree with the values
	Value    bool // the version has a value, or will have one within seconds
	Required bool // a version without a value is an error
	Ledger   bool // the secret's entries
	Admin    bool // the stack's own admin secret, ahead of the login
}

// Read reads what the step needs, concurrently, and again until what was read agrees. With an error
// the Reading may have the ARN all the same.
func (d *Reader) Read(ctx context.Context, want Needs) (Reading, error) {
	r, err := d.readOnce(ctx, want)
	switch {
	case err != nil:
		return r, err
	case want.Required && r.Version.ID == "":
		return r, report.Failed("read the version", errors.New("the pending version has no value"),
			"the service repeats the rotation from createSecret; if it does not, "+report.HintStartAfresh)
	case want.Labels:
		return d.agree(ctx, r)
	}
	return r, nil
}

func (d *Reader) readOnce(ctx context.Context, want Needs) (r Reading, err error) {
	only := func(wanted bool, f func() error) func() error {
		if !wanted {
			return nil
		}
		return f
	}
	admin, named := d.Settings.Environment.AdminSecret, secret.IsARN(d.SecretID)
	r.VersionID = d.VersionID
	err = parallel.Do(
		only(want.Settings, func() (err error) {
			r.Settings, err = d.Settings.Load(ctx)
			return report.Failed("load the settings", err, "nothing was created")
		}),
		only(want.Labels, func() (err error) { r.Labels, err = d.Describe(ctx); return err }),
		func() (err error) { r.Current, err = d.current(ctx); return err },
		func() (err error) { r.Version, err = d.Version(ctx, want.Value); return err },
		only(want.Admin && admin != "", func() error {
			_, _ = d.Admins.Get(ctx, admin, "", secret.LabelCurrent) // the login reports a failure
			return nil
		}),
		only(want.Ledger && named, func() (err error) {
			r.Entries, err = d.Entries(ctx, d.SecretID)
			return err
		}))
	r.ARN = cmp.Or(r.Labels.ARN, r.Current.ARN)
	if err == nil && want.Ledger && !named {
		r.Entries, err = d.Entries(ctx, r.ARN)
	}
	return r, err
}

// Entries reads the entries of a secret in the ledger.
func (d *Reader) Entries(ctx context.Context, arn string) (ledger.View, error) {
	view, err := d.Ledger.Read(ctx, arn)
	return view, report.Failed("", err, report.HintRepeated)
}

// Describe reads the labels of the secret's versions.
func (d *Reader) Describe(ctx context.Context) (secret.Description, error) {
	labels, err := d.Store.Describe(ctx, d.SecretID)
	return labels, report.Failed("describe the secret", err, report.HintRepeated)
}

func (d *Reader) current(ctx context.Context) (Version, error) {
	current, err := d.Store.Get(ctx, d.SecretID, "", secret.LabelCurrent)
	if errors.Is(err, secret.ErrNotFound) {
		return Version{}, report.Failed("read AWSCURRENT", err,
			"store the login fields, or adminSecretArn, as the secret's value before its first rotation")
	}
	if err != nil {
		return Version{}, report.Failed("read AWSCURRENT", err, report.HintRepeated)
	}
	v := newVersion(current)
	return v, report.Failed("read AWSCURRENT", v.Fault, "nothing was created; correct the value")
}

// Version reads the version that is to get a token. A value that was put may not be readable for
// the consistency time: with wait it is looked for that long. Without a value it is zero.
func (d *Reader) Version(ctx context.Context, wait bool) (Version, error) {
	poll := d.Poll(ledger.Consistency)
	for {
		version, err := d.Store.Get(ctx, d.SecretID, d.VersionID, "")
		switch {
		case err == nil:
			return newVersion(version), nil
		case !errors.Is(err, secret.ErrNotFound):
			return Version{}, report.Failed("read the version", err, report.HintRepeated)
		case !wait || !poll.Next(ctx):
			return Version{}, nil
		}
	}
}

// agree reads again until the description and the value name the same version as AWSCURRENT, and
// the version that is to get a token carries a label: what was read may lag, or a label was moved
// between two reads.
func (d *Reader) agree(ctx context.Context, r Reading) (Reading, error) {
	poll := d.Poll(ledger.Consistency)
	for {
		agreed := r.Current.ID == r.Labels.Holder(secret.LabelCurrent) //safeguard:reads-agree-on-current on
		v := r.Facts()
		if agreed && (v.Pending || v.Current) {
			return r, nil
		}
		if !poll.Next(ctx) {
			if !agreed {
				return r, report.Failed("check the version",
					errors.New("reads of the secret name two versions as AWSCURRENT"), report.HintRepeated)
			}
			return r, nil
		}
		earlier := r.Current
		err := parallel.Do(
			func() (err error) { r.Labels, err = d.Describe(ctx); return err },
			func() (err error) { r.Current, err = d.current(ctx); return err })
		if err != nil {
			return r, err
		}
		if r.Current.ID != earlier.ID {
			r.Left = earlier.Token
		}
	}
}

// Poll paces a loop of at most limit.
func (d *Reader) Poll(limit time.Duration) *clock.Poll {
	return &clock.Poll{Now: d.Now, Limit: limit, Reserve: time.Second}
}
