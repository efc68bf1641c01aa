package sandbox

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/baseline"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
)

func fingerprint(text string) string {
	if text == "" {
		return ""
	}
	return hidden.Fingerprint(text)
}

// tokenOf returns the token in the version of the token secret that a label names, or "".
func (sv *services) tokenOf(stage string) string { return sv.tokenIn(TokenSecret, stage) }

// tokenIn returns the token in the version of a secret that a label names, or "".
func (sv *services) tokenIn(name, stage string) string {
	value, err := sv.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: name, VersionStage: stage})
	if err != nil || value.SecretString == nil {
		return ""
	}
	document, err := secret.Parse(*value.SecretString)
	if err != nil {
		return ""
	}
	token, err := document.Token()
	if err != nil {
		return ""
	}
	return token.Reveal()
}

func (sv *services) fingerprintOf(stage string) string { return fingerprint(sv.tokenOf(stage)) }

// pending returns the version of the token secret that carries AWSPENDING, or "".
func (sv *services) pending() string {
	described, err := sv.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: TokenSecret})
	if err != nil {
		return ""
	}
	return holder(described.VersionIdsToStages, awstest.StagePending)
}

// holder returns the version that carries a label, or "".
func holder(versions map[string][]string, label string) string {
	for version, labels := range versions {
		if slices.Contains(labels, label) {
			return version
		}
	}
	return ""
}

// ledgerUser is the ledger's name for the sandbox's user.
func (s *Sandbox) ledgerUser() (ledger.User, error) {
	base, err := url.Parse(s.EngageURL)
	if err != nil {
		return "", err
	}
	user := s.services.Load().user
	credentials := engage.Credentials{Flow: s.config.Flow, Username: user.Username, ClientID: user.ClientID,
		JWT: hidden.New(user.JWT)}
	return ledger.NewUser(engage.Endpoint{Flow: s.config.Flow, BaseURL: base}, credentials), nil
}

// crashedTokens is how many tokens appear around the crashed creation of [ScenarioUnclaimed].
const crashedTokens = 2

// beginUnclaimed leaves the state after a creation that crashed two hours ago, while another
// program made a token too.
func beginUnclaimed(ctx context.Context, s *Sandbox) error {
	sv := s.services.Load()
	user, err := s.ledgerUser()
	if err != nil {
		return err
	}
	var before []engage.Token
	for _, text := range sv.engage.Tokens(sv.user.Username) {
		token, err := engage.ParseToken(text)
		if err != nil {
			return err
		}
		before = append(before, token)
	}
	for range crashedTokens {
		s.makeForeign(sv, sv.user.Username)
	}
	then := time.Now().Add(-2 * time.Hour)
	intent := ledger.NewIntent(sv.aws.Secrets.ARN(TokenSecret), "00000000-0000-4000-8000-000000000000", "crashed", then)
	intent.Until = then.Add(time.Minute)
	intent.Baseline = baseline.Of(before)
	intent.User = user
	return s.ledger().Begin(ctx, intent)
}

// beginOldToken leaves the state after a rotation a hundred days ago.
func beginOldToken(ctx context.Context, s *Sandbox) error {
	client, sv := s.client(), s.services.Load()
	value, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(TokenSecret)})
	if err != nil {
		return fmt.Errorf("read the token secret: %w", err)
	}
	document, err := secret.Parse(aws.ToString(value.SecretString))
	if err != nil {
		return fmt.Errorf("read the token secret: %w", err)
	}
	token, err := engage.ParseToken(sv.engage.CreateToken(sv.user.Username))
	if err != nil {
		return err
	}
	s.witness.see("an API token", token.Reveal())
	then := time.Now().AddDate(0, 0, -100)
	changed, err := document.WithToken(token, then)
	if err != nil {
		return err
	}
	put, err := client.PutSecretValue(ctx,
		&secretsmanager.PutSecretValueInput{SecretId: aws.String(TokenSecret),
			SecretString: aws.String(changed.Text().Reveal())})
	if err != nil {
		return fmt.Errorf("put the token: %w", err)
	}
	user, err := s.ledgerUser()
	if err != nil {
		return err
	}
	return s.ledger().Create(ctx, ledger.Record{
		Secret: aws.ToString(put.ARN), Version: aws.ToString(put.VersionId), Fingerprint: token.Fingerprint(),
		State:     ledger.Issued,
		CreatedAt: then, Until: then.Add(time.Minute), User: user,
		Base: aws.ToString(value.VersionId),
	})
}

func (s *Sandbox) ledger() *ledger.Ledger {
	return ledger.New(awsstore.NewParameters(s.services.Load().aws.SDKConfig(callerUser)), settings.DefaultPrefix)
}
