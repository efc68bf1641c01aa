package rotation

import (
	"context"
	"errors"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
)

const hintStartAfresh = "start a new rotation (aws secretsmanager rotate-secret)"

// create is createSecret: afterwards the version holds a token that the ledger knows.
func (i *invocation) create(ctx context.Context) (Report, error) {
	history, err := i.read(ctx, readings{calls: true, labels: true, logins: !i.warm()})
	if err != nil {
		return Report{}, err
	}
	current, err := i.agree(ctx)
	if err != nil {
		return Report{}, err
	}
	if i.pending.ID != "" || current {
		return i.unchanged(ctx)
	}
	if _, err := i.currentDocument.Token(); err != nil {
		return Report{}, fail("read AWSCURRENT", err, "nothing was created")
	}
	var listed []engage.Token
	p, session, view, err := i.logIn(ctx, history, func(p place, session *engage.Session) (err error) {
		listed, err = p.client.List(ctx, session)
		return fail2("list the tokens", err, "nothing was created")
	})
	if err != nil {
		return Report{}, err
	}
	made, found, err := i.resolve(ctx, p, listed, view)
	if err != nil {
		return Report{}, err
	}
	if i.pending.ID != "" && !found {
		return i.unchanged(ctx) // another attempt was first
	}
	if !found {
		if made, err = i.make(ctx, p, session, listed); err != nil {
			return Report{}, err
		}
	}
	if err := i.put(ctx, p, session, made); err != nil {
		return Report{}, err
	}
	i.remember(i.currentDocument, p)
	report := Report{Outcome: OutcomeCreated, Fingerprint: made.record.Fingerprint}
	if made.claimed {
		report.Outcome = OutcomeAdopted
	}
	return report, nil
}

func (i *invocation) unchanged(ctx context.Context) (Report, error) {
	if i.pending.ID == "" {
		return Report{Outcome: OutcomeUnchanged}, nil // current, but not to be read yet
	}
	token, err := i.pendingToken(ctx)
	return Report{Outcome: OutcomeUnchanged, Fingerprint: token.Fingerprint()}, err
}

// creation is a token that is to be put, with its record.
type creation struct {
	token  engage.Token
	record ledger.Token
	// intent is the intent that the record settles.
	intent ledger.Intent
	// claimed tells that the token was found instead of made, and its record written.
	claimed bool
}

// make creates a token: intent first.
func (i *invocation) make(ctx context.Context, p place, session *engage.Session, listed []engage.Token) (creation, error) {
	intent := ledger.NewIntent(i.labels.ARN, i.event.VersionID, i.config.Attempt(ctx), i.config.Now())
	intent.Base = i.current.ID
	intent.Until = i.deadline(ctx)
	intent.Baseline = ledger.NewBaseline(listed)
	if err := i.ledger().Begin(ctx, p.user, intent); err != nil {
		return creation{}, fail("write the intent", err, "nothing was created; the function needs ssm:PutParameter there")
	}
	token, err := p.client.Create(ctx, session, listed)
	if err == nil {
		return creation{token: token, record: i.newRecord(ctx, intent, token), intent: intent}, nil
	}
	if !engage.OutcomeUnknown(err) {
		// Refused before any effect. An intent that cannot be removed is resolved by the next attempt.
		_ = i.ledger().End(ctx, p.user, intent)
		return creation{}, fail("create a token", err, "")
	}
	made, found, findErr := i.findLost(ctx, p, session)
	if findErr != nil || !found {
		return creation{}, fail("create a token", err, "whether a token was made is found out by the next attempt")
	}
	return made, nil
}

func (i *invocation) newRecord(ctx context.Context, intent ledger.Intent, token engage.Token) ledger.Token {
	return ledger.Token{
		Secret: intent.Secret, Version: intent.Version, Fingerprint: token.Fingerprint(), State: ledger.Issued,
		CreatedAt: intent.StartedAt, Intent: intent.ID, Base: intent.Base, Until: i.deadline(ctx),
	}
}

// findLost lists again, until the token whose creation was not answered shows up.
func (i *invocation) findLost(ctx context.Context, p place, session *engage.Session) (creation, bool, error) {
	for try := 0; ; try++ {
		view, err := i.ledger().Read(ctx, p.user)
		if err != nil {
			return creation{}, false, err
		}
		listed, err := p.client.List(ctx, session)
		if err != nil {
			return creation{}, false, err
		}
		made, found, err := i.resolve(ctx, p, listed, view)
		if found || err != nil || !pause(ctx, try) {
			return made, found, err
		}
	}
}

// unlabel takes AWSPENDING from the version.
func (i *invocation) unlabel(ctx context.Context) error {
	err := i.config.Secrets.MoveLabel(ctx, i.event.SecretID, LabelPending, "", i.event.VersionID)
	if errors.Is(err, ErrConflict) {
		return nil // it has lost the label already
	}
	return fail2("remove AWSPENDING", err, "the function needs secretsmanager:UpdateSecretVersionStage on the secret")
}

// pendingToken returns the token that the version holds. A value without one was not put by a rotation, and would fail
// every attempt: the version is given up.
func (i *invocation) pendingToken(ctx context.Context) (engage.Token, error) {
	fault := i.pendingFault
	if fault == nil {
		token, err := i.pendingDocument.Token()
		if err == nil && !token.IsZero() {
			return token, nil
		}
		if fault = err; fault == nil {
			fault = &secret.FieldError{Field: secret.FieldToken, Fault: "is missing in the version"}
		}
	}
	if !i.pending.Carries(LabelPending) || i.pending.Carries(LabelCurrent) {
		return engage.Token{}, fail("read the version", fault, "")
	}
	return engage.Token{}, i.giveUp(ctx, fault)
}
