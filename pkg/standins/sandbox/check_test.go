package sandbox_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/sandbox"
)

// box is a sandbox that a test changes only over HTTP.
type box struct {
	*sandbox.Sandbox
	t        *testing.T
	versions []string
}

func start(t *testing.T, config sandbox.Config) *box {
	t.Helper()
	config.Binaries = sandbox.FindBinaries(built)
	started, err := sandbox.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	return &box{Sandbox: started, t: t}
}

func (b *box) rotate() {
	b.t.Helper()
	version, err := b.Rotate(b.t.Context(), "")
	if err == nil {
		err = b.Wait(b.t.Context())
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.versions = append(b.versions, version)
}

func (b *box) secrets() *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		Region: sandbox.Region, BaseEndpoint: &b.AWSURL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "none", ""),
	})
}

// vendor logs in as the sandbox's user.
func (b *box) vendor() (*engage.Client, *engage.Session) {
	b.t.Helper()
	base, err := url.Parse(b.EngageURL)
	if err != nil {
		b.t.Fatal(err)
	}
	client := engage.New(engage.Config{Endpoint: engage.Endpoint{Flow: engage.FlowEngage, BaseURL: base}})
	user := engagetest.DefaultUser()
	session, err := client.Login(b.t.Context(), engage.Credentials{
		Flow: engage.FlowEngage, Username: user.Username, Password: hidden.New(user.Password), PlatformID: user.PlatformID,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return client, session
}

// deleteToken deletes a token by its fingerprint.
func (b *box) deleteToken(fingerprint string) {
	b.t.Helper()
	client, session := b.vendor()
	tokens, err := client.List(b.t.Context(), session)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, token := range tokens {
		if string(token.Fingerprint()) == fingerprint {
			if err := client.Delete(b.t.Context(), session, token); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		meddle func(*testing.T, *box)
		want   []string
	}{
		"nothing": {func(*testing.T, *box) {}, nil},
		"current token deleted": {func(_ *testing.T, b *box) {
			b.deleteToken(tokenSecretOf(b).Tokens["AWSCURRENT"])
		}, []string{"the current token", "only live token of ours", "logins for"}},
		"token of another program deleted": {func(_ *testing.T, b *box) {
			b.deleteToken(b.State().Users[0].Foreign[0])
		}, []string{"tokens of other programs", "logins for"}},
		"a token without a record": {func(t *testing.T, b *box) {
			client, session := b.vendor()
			if _, err := client.Create(t.Context(), session, nil); err != nil {
				t.Fatal(err)
			}
		}, []string{"only live token of ours", "logins for"}},
		"label moved back": {func(t *testing.T, b *box) {
			_, err := b.secrets().UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: aws.String(sandbox.TokenSecret), VersionStage: aws.String("AWSCURRENT"),
				MoveToVersionId: &b.versions[0], RemoveFromVersionId: &b.versions[1],
			})
			if err != nil {
				t.Fatal(err)
			}
		}, []string{"AWSCURRENT is the newest", "AWSPREVIOUS", "the current token", "only live token of ours"}},
		"other fields edited": {func(t *testing.T, b *box) {
			client := b.secrets()
			value, err := client.GetSecretValue(t.Context(),
				&secretsmanager.GetSecretValueInput{SecretId: aws.String(sandbox.TokenSecret)})
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(*value.SecretString, "unknown", "known", 1)
			if _, err := client.PutSecretValue(t.Context(),
				&secretsmanager.PutSecretValueInput{SecretId: aws.String(sandbox.TokenSecret),
					SecretString: &changed}); err != nil {
				t.Fatal(err)
			}
		}, []string{"AWSCURRENT is the newest", "AWSPREVIOUS", "all other fields"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, sandbox.Config{})
			b.rotate()
			b.rotate()
			test.meddle(t, b)
			var wrong []string
			for _, finding := range b.Check(t.Context(), b.versions) {
				if !finding.OK {
					wrong = append(wrong, finding.Claim+": "+finding.Fault)
				}
			}
			missing := slices.DeleteFunc(slices.Clone(test.want), func(want string) bool {
				return slices.ContainsFunc(wrong, func(claim string) bool { return strings.Contains(claim, want) })
			})
			if len(wrong) != len(test.want) || len(missing) > 0 {
				t.Errorf("found wrong:\n%s\nwant %q", strings.Join(wrong, "\n"), test.want)
			}
		})
	}
}

// tokenSecretOf returns the state of the secret that rotates.
func tokenSecretOf(b *box) sandbox.Secret {
	secrets := b.State().Secrets
	return secrets[slices.IndexFunc(secrets, func(s sandbox.Secret) bool { return s.Name == sandbox.TokenSecret })]
}
