package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/memstore"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// fleet says which secrets there are.
type fleet struct {
	secrets int
	users   int // secret n logs in as user n modulo users
	// due leaves each previous token with a record that says retiring, and its time over; otherwise
	// the previous tokens are gone.
	due bool
	// silent is one of the users, whom the vendor never answers.
	silent    bool
	retention time.Duration
}

func (f fleet) String() string {
	users := "one user"
	if f.users > 1 {
		users = "a user each"
	}
	if f.silent {
		users += ", one silent"
	}
	return users
}

func (f fleet) userNames() []string {
	names := make([]string, f.users)
	for n := range names {
		names[n] = fmt.Sprintf("api.user.%05d@example.com", n)
	}
	return names
}

const (
	password   = "p&q/r?s#t+u%v"
	platformID = "aws80"
	// age is how long ago the seeded tokens were made.
	age = 24 * time.Hour
)

// seed makes a fleet whose secrets have been rotated before. What it leaves is what rotations
// leave: TestTheSeedIsWhatRotationsLeave compares.
func (w *world) seed(f fleet) {
	w.t.Helper()
	w.fleet = f
	var users []engagetest.User
	for _, name := range f.userNames() {
		users = append(users, engagetest.User{Username: name, Password: password, PlatformID: platformID})
	}
	w.newServices(users)
	base, err := engage.ParseBaseURL(settings.DefaultEngageBaseURL)
	if err != nil {
		w.t.Fatal(err)
	}
	endpoint := engage.Endpoint{Flow: engage.FlowEngage, BaseURL: base}
	made := time.Now()
	time.Sleep(age) // the seed is in the past
	store := memstore.New()
	book := ledger.New(store, settings.DefaultPrefix)
	names := make([]ledger.User, len(users))
	for n, u := range users {
		w.createSecret(adminName(n),
			map[string]any{"username": u.Username, "password": password, "platformId": platformID,
				"tokenSecrets": []string{"fleet/*"}})
		credentials := engage.Credentials{
			Flow: engage.FlowEngage, Username: u.Username, Password: hidden.New(password), PlatformID: platformID,
		}
		names[n] = ledger.NewUser(endpoint, credentials)
		w.seedLogin(credentials)
	}
	for n := range f.secrets {
		user := n % f.users
		w.seedSecret(book, n, user, users[user].Username, names[user], made)
	}
	for name, value := range store.Values {
		w.putParameter(name, value)
	}
	time.Sleep(time.Hour)
	w.take()
	w.buckets = newBuckets()
}

// seedLogin counts a login of the past.
func (w *world) seedLogin(credentials engage.Credentials) {
	w.t.Helper()
	store, key := memstore.New(), target.LoginKey(credentials)
	if err := logins.New(store, settings.DefaultPrefix, time.Now).Acquire(w.t.Context(), key); err != nil {
		w.t.Fatal(err)
	}
	for name, value := range store.Values {
		w.putParameter(name, value)
	}
}

func adminName(user int) string { return fmt.Sprintf("fleet/admin-%05d", user) }

// seedSecret makes a secret with one rotation behind it.
func (w *world) seedSecret(book *ledger.Ledger, n, user int, username string, name ledger.User, made time.Time) {
	w.t.Helper()
	fields := map[string]any{"adminSecretArn": adminName(user)}
	var previous, current engage.Token
	if w.fleet.due {
		previous = w.createToken(username)
		w.previous = append(w.previous, previous.Reveal())
		fields["apiToken"], fields["apiTokenCreatedAt"] = previous.Reveal(), made.Add(-age).UTC().Format(time.RFC3339)
	}
	arn := w.createSecret(fmt.Sprintf("fleet/token-%05d", n), fields)
	w.arns = append(w.arns, arn)
	current = w.createToken(username)
	fields["apiToken"], fields["apiTokenCreatedAt"] = current.Reveal(), made.UTC().Format(time.RFC3339)
	first, second := w.replace(arn, fields)
	record := ledger.Record{
		Secret: arn, Version: second, Fingerprint: current.Fingerprint(), State: ledger.Issued, CreatedAt: made,
		Until: made.Add(90 * time.Second), Base: first, Intent: "0123456789abcdef", User: name,
	}
	err := book.Set(context.Background(), record)
	if w.fleet.due {
		due := ledger.Record{
			Secret: arn, Version: first, Fingerprint: previous.Fingerprint(), State: ledger.Retiring,
			CreatedAt: made.Add(-age), At: made.Add(w.fleet.retention), Until: made.Add(90*time.Second - age), User: name,
			Base: "11111111-1111-4111-8111-111111111111", Intent: "0123456789abcdef", Owned: true,
			Successor: second,
		}
		err = errors.Join(err, book.Set(context.Background(), due))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if w.fleet.silent && user == w.fleet.users/2 {
		w.silent[username], w.silent[current.Reveal()], w.silent[previous.Reveal()] = true, true, true
		delete(w.silent, "")
	}
}

func (w *world) createToken(username string) engage.Token {
	w.t.Helper()
	token, err := engage.ParseToken(w.vendor.CreateToken(username))
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func (w *world) createSecret(name string, fields map[string]any) (arn string) {
	w.t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		w.t.Fatal(err)
	}
	value := string(text)
	out, err := w.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.ARN
}

// replace moves AWSCURRENT to a new version with the fields, as a rotation does, and returns both
// versions.
func (w *world) replace(arn string, fields map[string]any) (first, second string) {
	w.t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		w.t.Fatal(err)
	}
	value, run := string(text), w.begin(arn)
	described, err := w.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: arn})
	if err != nil {
		w.t.Fatal(err)
	}
	first = secret.Description{Versions: described.VersionIdsToStages}.Holder(secret.LabelCurrent)
	_, putErr := w.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{
		SecretId: arn, ClientRequestToken: run.VersionID, SecretString: &value, RotationToken: run.RotationToken,
		VersionStages: []string{awstest.StagePending},
	})
	_, moveErr := w.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
		SecretId: arn, VersionStage: awstest.StageCurrent, MoveToVersionId: run.VersionID, RemoveFromVersionId: first,
	})
	if err := errors.Join(putErr, moveErr); err != nil {
		w.t.Fatal(err)
	}
	if outcome := w.aws.Secrets.EndRotation(run, nil); outcome != awstest.Succeeded {
		w.t.Fatalf("the seed's rotation %s", outcome)
	}
	return first, run.VersionID
}

func (w *world) putParameter(name, value string) {
	w.t.Helper()
	_, err := w.aws.Parameters.PutParameter(&awstest.PutParameterInput{
		Name: name, Value: value, Type: "String", Tier: "Intelligent-Tiering",
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
