package rotation

import (
	"context"
	"errors"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// invocation is one step at work.
type invocation struct {
	*Rotator
	event events.Rotation
	arn   string // the secret's, as soon as it was read: the event may name the secret otherwise
	// admins reads admin secrets, each once.
	admins secret.Getter
}

// reading holds what a step has read before it decides.
type reading struct {
	settings settings.Settings
	labels   secret.Description
	current  holding     // AWSCURRENT
	version  holding     // the event's version; its ID is empty when it has no value
	entries  ledger.View // finishSecret alone
	// left is the token of AWSCURRENT by an earlier read, if AWSCURRENT has moved since.
	left engage.Token
}

// holding is a version with its parsed value.
type holding struct {
	secret.Version
	document *secret.Document // nil when the value is not a document
	token    engage.Token
	fault    error // why the value holds no usable token
}

func hold(v secret.Version) holding {
	h := holding{Version: v}
	if h.document, h.fault = secret.Parse(v.Value.Reveal()); h.fault == nil {
		h.token, h.fault = h.document.Token()
	}
	return h
}

// arn returns the secret's ARN, as soon as something was read.
func (r reading) arn() string {
	if r.labels.ARN != "" {
		return r.labels.ARN
	}
	return r.current.ARN
}

// facts returns what is known of the event's version.
func (r reading) facts(version string) decide.Version {
	carries := func(label string) bool {
		return r.labels.Carries(version, label) || r.labels.ARN == "" && r.version.Carries(label)
	}
	v := decide.Version{
		Current: carries(secret.LabelCurrent) || version == r.current.ID,
		Pending: carries(secret.LabelPending),
	}
	if r.version.ID == "" {
		return v
	}
	v.HasValue = true
	v.Usable = r.version.fault == nil && !r.version.token.IsZero()
	v.SameToken = v.Usable && r.version.token == r.current.token || r.version.Value == r.current.Value
	v.SameFields = r.version.document != nil && r.version.document.EqualExceptToken(r.current.document)
	return v
}

// needs names what a step reads.
type needs struct {
	settings bool // the vendor will be called
	labels   bool // the labels of all versions
	value    bool // the version has a value, or will have one within seconds
	ledger   bool // the secret's entries
	admin    bool // the stack's own admin secret, ahead of the login
}

// read reads what the step needs, concurrently.
func (i *invocation) read(ctx context.Context, want needs) (r reading, err error) {
	only := func(wanted bool, f func() error) func() error {
		if !wanted {
			return nil
		}
		return f
	}
	err = parallel.Do(
		only(want.settings, func() (err error) {
			r.settings, err = i.settings.Load(ctx)
			return report.Failed("load the settings", err, "nothing was created")
		}),
		only(want.labels, func() (err error) { r.labels, err = i.describe(ctx); return err }),
		func() (err error) { r.current, err = i.readCurrent(ctx); return err },
		func() (err error) { r.version, err = i.readVersion(ctx, want.value); return err },
		only(want.admin && i.config.Settings.AdminSecret != "", func() error {
			_, _ = i.admins.Get(ctx, i.config.Settings.AdminSecret, "", secret.LabelCurrent) // the login reports a failure
			return nil
		}),
		only(want.ledger && secret.IsARN(i.event.SecretID), func() (err error) {
			r.entries, err = i.readLedger(ctx, i.event.SecretID)
			return err
		}))
	if err == nil && want.ledger && !secret.IsARN(i.event.SecretID) {
		r.entries, err = i.readLedger(ctx, r.arn())
	}
	i.arn = r.arn()
	return r, err
}

func (i *invocation) readLedger(ctx context.Context, arn string) (ledger.View, error) {
	view, err := i.ledger().Read(ctx, arn)
	return view, report.Failed("", err, "the service repeats the rotation")
}

func (i *invocation) describe(ctx context.Context) (secret.Description, error) {
	labels, err := i.config.Secrets.Describe(ctx, i.event.SecretID)
	return labels, report.Failed("describe the secret", err, "the service repeats the rotation")
}

func (i *invocation) readCurrent(ctx context.Context) (holding, error) {
	current, err := i.config.Secrets.Get(ctx, i.event.SecretID, "", secret.LabelCurrent)
	if errors.Is(err, secret.ErrNotFound) {
		return holding{}, report.Failed("read AWSCURRENT", err,
			"store the login fields, or adminSecretArn, as the secret's value before its first rotation")
	}
	if err != nil {
		return holding{}, report.Failed("read AWSCURRENT", err, "the service repeats the rotation")
	}
	h := hold(current)
	return h, report.Failed("read AWSCURRENT", h.fault, "nothing was created; correct the value")
}

// readVersion reads the event's version. A value that was put may not be readable for the
// consistency time: with wait it is looked for that long.
func (i *invocation) readVersion(ctx context.Context, wait bool) (holding, error) {
	poll := i.poll(ledger.Consistency)
	for {
		version, err := i.config.Secrets.Get(ctx, i.event.SecretID, i.event.VersionID, "")
		switch {
		case err == nil:
			return hold(version), nil
		case !errors.Is(err, secret.ErrNotFound):
			return holding{}, report.Failed("read the version", err, "the service repeats the rotation")
		case !wait || !poll.Next(ctx):
			return holding{}, nil
		}
	}
}

// agree reads again until the description and the value name the same version as AWSCURRENT, and
// the event's version carries a label: what was read may lag, or a label was moved between two
// reads.
func (i *invocation) agree(ctx context.Context, r reading) (reading, error) {
	poll := i.poll(ledger.Consistency)
	for {
		agreed := r.current.ID == r.labels.Holder(secret.LabelCurrent) //safeguard:reads-agree-on-current on
		v := r.facts(i.event.VersionID)
		if agreed && (v.Pending || v.Current) {
			return r, nil
		}
		if !poll.Next(ctx) {
			if !agreed {
				return r, report.Failed("check the version", errors.New("reads of the secret name two versions as AWSCURRENT"),
					"the service repeats the rotation")
			}
			return r, nil
		}
		earlier := r.current
		err := parallel.Do(
			func() (err error) { r.labels, err = i.describe(ctx); return err },
			func() (err error) { r.current, err = i.readCurrent(ctx); return err })
		if err != nil {
			return r, err
		}
		if r.current.ID != earlier.ID {
			r.left = earlier.token
		}
	}
}

// poll paces a loop of at most limit.
func (i *invocation) poll(limit time.Duration) *clock.Poll {
	return &clock.Poll{Now: i.config.Now, Limit: limit, Reserve: time.Second}
}

// source returns what names the user of a document of the secret.
func (i *invocation) source(r reading, document *secret.Document) account.Source {
	return account.Source{
		Store: i.admins, Settings: r.settings, Secret: r.arn(), Version: i.event.VersionID, Document: document,
	}
}

func (i *invocation) ledger() *ledger.Ledger {
	return ledger.New(i.config.Parameters, i.config.Settings.Prefix)
}

// deadline returns when this invocation will have ended.
func (i *invocation) deadline(ctx context.Context) time.Time {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.Add(answerTime)
	}
	return i.config.Now().Add(ledger.InvocationLimit)
}

func find(tokens []engage.Token, fingerprint engage.Fingerprint) (engage.Token, bool) {
	for _, token := range tokens {
		if token.Fingerprint() == fingerprint {
			return token, true
		}
	}
	return engage.Token{}, false
}

func fingerprints(tokens []engage.Token) []engage.Fingerprint {
	all := make([]engage.Fingerprint, len(tokens))
	for n, token := range tokens {
		all[n] = token.Fingerprint()
	}
	return all
}
