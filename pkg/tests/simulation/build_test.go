package simulation

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/sweep"
)

// user is a user of Engage.
type user struct {
	name, password, clientID, jwt string
	// admin is the ARN of the secret that holds the login fields, or "" where each token secret holds them itself.
	admin string
}

// managed is a secret that is rotated.
type managed struct {
	name, arn string
	user      *user
	run       *rotationRun
	edits     int

	secretMemory // the observer's
}

func (s *managed) String() string { return s.name }

// build makes the services.
func (w *world) build() {
	w.flow = w.options.flow
	if w.flow == "" {
		w.flow = []engage.Flow{engage.FlowEngage, engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy}[w.random.IntN(4)]
	}
	w.secretsManager = awstest.NewSecretsManager(awstest.SecretsConfig{
		NewID: w.newID, History: 16, DeprecatedRetention: 24 * time.Hour, KeepPending: w.chance(0.2), ReplayMoves: w.chance(0.3),
	})
	w.parameters = awstest.NewParameterStore(awstest.ParametersConfig{Versions: 1})
	var users []engagetest.User
	for i := range 1 + w.random.IntN(2) {
		name := "user" + strconv.Itoa(i) + "@example.com"
		claims := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"` + name + `"}`))
		u := &user{name: name, password: "password 0", clientID: "client" + strconv.Itoa(i), jwt: "eyJhbGciOiJSUzI1NiJ9." + claims + ".c2ln"}
		w.users = append(w.users, u)
		users = append(users, engagetest.User{Username: name, Password: u.password, PlatformID: "aws80",
			ClientID: u.clientID, ClientSecret: "clientSecret", JWT: u.jwt})
	}
	w.vendor = engagetest.NewServer(engagetest.Config{
		Users: users, Seed: w.options.seed | 1, LogLength: 1, NewToken: w.newToken, Answers: w.answers(),
		Limits: engagetest.Limits{Exchanges: -1},
	})
}

// newID makes version ids and the like.
func (w *world) newID() string {
	w.ids++
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", w.ids, w.ids)
}

func (w *world) newToken() string {
	w.ids++
	w.born = fmt.Sprintf("aws80:%08x-0000-4000-9000-%012x", uint32(w.ids)*2654435761, w.ids)
	return w.born
}

func (w *world) answers() engagetest.Answers {
	a := engagetest.Answers{
		Create: engagetest.CreateForm(w.random.IntN(4)), List: engagetest.ListForm(w.random.IntN(2)),
		Order: engagetest.ListOrder(w.random.IntN(3)), Delete: engagetest.DeleteForm(w.random.IntN(3)),
	}
	if w.chance(0.3) {
		a.DeadToken = 403
	}
	a.UnknownDelete = []int{404, 404, 410, 200}[w.random.IntN(4)]
	return a
}

// lags draws how slowly the vendor's servers learn of one creation or deletion.
func (w *world) lags() engagetest.Propagation {
	var p engagetest.Propagation
	w.unlisted = 0
	if w.lagging == 0 || !w.chance(w.lagging) {
		return p
	}
	lag := func(longest time.Duration) engagetest.Lag {
		if w.chance(0.5) {
			return engagetest.Lag{}
		}
		return engagetest.Lag{For: w.between(0, longest)}
	}
	unlisted, deleted := lag(w.longestLag), w.longestLag
	w.unlisted = unlisted.For
	if w.alone {
		return engagetest.Propagation{NewUnlisted: unlisted}
	}
	return engagetest.Propagation{NewUnlisted: unlisted, NewRejected: lag(deleted), DeletedListed: lag(deleted), DeletedAccepted: lag(deleted)}
}

// populate makes the secrets and starts what goes on by itself.
func (w *world) populate() {
	w.weather = w.newWeather()
	w.retention = []time.Duration{0, 0, 0, 10 * time.Minute, 3 * time.Hour}[w.random.IntN(5)]
	w.lifetime = []time.Duration{30 * time.Second, time.Minute, 5 * time.Minute}[w.random.IntN(3)]
	w.people = []float64{0, 0, 0.002, 0.01}[w.random.IntN(4)]
	w.lagging = []float64{0, 0, 0.3}[w.random.IntN(3)]
	w.longestLag = []time.Duration{3 * time.Second, 10 * time.Second, time.Minute}[w.random.IntN(3)]
	w.staleRate = []float64{0, 0.02, 0.2}[w.random.IntN(3)]
	w.staleness = 3 * time.Second
	w.exclusive = w.chance(0.25)
	w.impatience = []float64{0, 0.02, 0.1}[w.random.IntN(3)]
	w.strangers = []float64{0, 0, 0.003, 0.02}[w.random.IntN(4)]
	if w.exclusive {
		w.strangers /= 4
	}
	w.together = w.chance(0.4)
	w.sweepRate = []float64{0, 0, 0.002, 0.01}[w.random.IntN(4)]
	w.drag = []float64{0, 0, 0.1, 0.5}[w.random.IntN(4)]
	w.setProfile()
	if w.options.yardstick {
		w.retention, w.exclusive, w.sweepRate, w.duels = 0, false, 0, 0
	}
	w.smooth = (w.weather.mild || w.weather.still()) && w.people == 0 && w.impatience == 0 && w.lagging == 0 && w.strangers == 0 && w.lifetime >= time.Minute && (w.drag == 0 || w.weather.mild)
	for _, u := range w.users {
		if w.chance(0.6) {
			u.admin = w.store("admin-"+u.name, w.loginFields(u, ""))
		}
	}
	secrets := 1 + w.random.IntN(3)
	switch {
	case w.crowded:
		secrets = 3
	case w.lonely:
		secrets = 1
	}
	for i := range secrets {
		s := &managed{name: "secret" + strconv.Itoa(i), user: w.users[w.random.IntN(len(w.users))]}
		if w.crowded {
			s.user = w.users[0]
		}
		w.secrets = append(w.secrets, s)
		s.arn = w.store(s.name, w.document(s, ""))
		w.secretOf[s.arn] = s
		w.observeCurrent(nil, s)
	}
	for _, s := range w.secrets {
		w.after(w.between(0, time.Minute), func() { w.rotate(s) })
	}
	if !w.options.yardstick {
		w.readers = newReaders(w)
		w.schedule(w.mean(10*time.Minute, 10*time.Hour), func() {
			if !w.unswept {
				w.sweep(sweep.Request{})
			}
		})
	}
	if w.strangers > 0 {
		w.schedule(w.between(time.Hour, 10*time.Hour), w.stranger)
	}
	if w.people > 0 {
		w.schedule(w.mean(10*time.Minute, 10*time.Hour), w.intervene)
	}
}

// mean draws a mean time, unless the profile has set one.
func (w *world) mean(low, high time.Duration) time.Duration {
	if drawn := w.between(low, high); w.interval == 0 {
		return drawn
	}
	return w.interval
}

// schedule repeats something at random times until the calm.
func (w *world) schedule(mean time.Duration, do func()) {
	w.after(w.between(0, 2*mean), func() {
		if !w.calm {
			do()
			w.schedule(mean, do)
		}
	})
}

// store makes a secret in the store.
func (w *world) store(name, text string) string {
	out, err := w.secretsManager.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &text})
	if err != nil {
		panic(err)
	}
	h := &history{}
	w.stored[out.ARN], w.stored[out.Name] = h, h
	return out.ARN
}

// loginFields returns the members of a document that say how the user logs in.
func (w *world) loginFields(u *user, rest string) string {
	fields := map[string]string{"loginFlow": string(w.flow)}
	switch w.flow {
	case engage.FlowRingCentral:
		fields["clientId"], fields["clientSecret"], fields["jwt"] = u.clientID, "clientSecret", u.jwt
	case engage.FlowLegacy:
		fields["username"], fields["password"] = u.name, u.password
	default:
		fields["username"], fields["password"], fields["platformId"] = u.name, u.password, "aws80"
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text[:len(text)-1]) + rest + "}"
}

// document returns what somebody who knows what he does stores in a secret.
func (w *world) document(s *managed, token string) string {
	rest := fmt.Sprintf(`,"note":"edit %d","port":12345678901234567890`, s.edits)
	if token != "" {
		rest += `,"apiToken":"` + token + `"`
	}
	if s.user.admin != "" {
		return `{"adminSecretArn":"` + s.user.admin + `"` + rest + "}"
	}
	return w.loginFields(s.user, rest)
}

func (w *world) settings() settings.Settings {
	environment := map[string]string{settings.EnvRetention: w.retention.String(), settings.EnvExclusiveUser: strconv.FormatBool(w.exclusive)}
	s, err := settings.FromEnvironment(func(name string) string { return environment[name] })
	if err != nil {
		panic(err)
	}
	return s
}

// rotator is the rotation function in one process.
type rotator interface {
	Handle(context.Context, rotation.Event) (rotation.Report, error)
}

func (w *world) newRotator() rotator {
	if w.options.yardstick {
		return &yardstick{w: w}
	}
	return rotation.New(rotation.Config{
		Secrets: secrets{w}, Parameters: parameters{w}, Settings: w.settings(), Transport: transport{w, w.vendor.RoundTripper()},
		Jitter:  func() float64 { return 0.5 },
		Attempt: func(ctx context.Context) string { return strconv.Itoa(ctx.Value(invocationKey{}).(*invocation).id) },
	})
}

// sweep starts a sweep.
func (w *world) sweep(request sweep.Request) *invocation {
	sweeper := sweep.New(sweep.Config{
		Secrets: secrets{w}, Parameters: parameters{w}, Settings: w.settings(), Transport: transport{w, w.vendor.RoundTripper()},
		Jitter: func() float64 { return 0.5 },
	})
	i := &invocation{name: "sweep", memory: memory{sweeping: true, request: request}}
	w.sweeps++
	w.meddle(w.secrets[w.random.IntN(len(w.secrets))])
	w.invoke(i, func(ctx context.Context) error {
		answer, err := sweeper.Run(ctx, request)
		i.answer = answer
		return err
	}, w.observeSweep)
	return i
}
