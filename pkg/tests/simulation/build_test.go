package simulation

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// user is a user of Engage.
type user struct {
	name, password, clientID, jwt string
	// admin holds, for a login flow, the ARN of the secret with the login fields. Without one each
	// token secret holds them itself.
	admin map[engage.Flow]string
}

// stack is one deployment of the product: its functions, its settings and its ledger.
type stack struct {
	name, prefix string
	retention    time.Duration
	exclusive    bool
	secrets      []*managed
	warm         []rotator
	set          settings.Settings // of all processes

	mirror                   // the ledger, by its types
	latest       *invocation // the latest of the final sweeps
	changesSwept int         // how much had happened before the latest scheduled sweep
}

// function is the ARN of the stack's rotation function.
func (s *stack) function() string {
	return "arn:aws:lambda:us-east-1:123456789012:function:rotate-" + s.name
}

func (s *stack) ledgerPath() string { return s.prefix + "/ledger" }

// managed is a secret that is rotated.
type managed struct {
	name, arn string
	stack     *stack
	user      *user
	flow      engage.Flow
	host      string // empty: the stack's
	run       *rotationRun
	edits     int

	presence
	secretMemory // the observer's
}

func (s *managed) String() string { return s.name }

// otherHost is the second of the vendor's hosts. The same users and tokens are behind both.
const otherHost = "https://ringcx.ringcentral.com"

// build makes the services and users.
func (h *history) build() {
	h.secretsManager = awstest.NewSecretsManager(awstest.SecretsConfig{
		NewID: h.newID, History: 16, DeprecatedRetention: 24 * time.Hour, KeepPending: h.chance(0.2),
		ReplayMoves: h.chance(0.3),
	})
	count := 1 + h.random.IntN(2)
	if h.nature.oneUser || h.nature.oneSecret {
		count = 1
	}
	var users []engagetest.User
	for i := range count {
		u := newUser(i)
		h.users = append(h.users, u)
		users = append(users, engagetest.User{Username: u.name, Password: u.password, PlatformID: platform,
			ClientID: u.clientID, ClientSecret: clientSecret, JWT: u.jwt})
	}
	h.vendor = engagetest.NewServer(engagetest.Config{
		Users: users, Seed: h.options.seed | 1, LogLength: 1, NewToken: h.newToken, Answers: h.answers(),
		Limits: engagetest.Limits{Exchanges: -1}, EditList: h.editList,
	})
}

const (
	platform     = "aws80"
	clientSecret = "clientSecret"
)

func newUser(i int) *user {
	name := "user" + strconv.Itoa(i) + "@example.com"
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"` + name + `"}`))
	return &user{name: name, password: "password 0", clientID: "client" + strconv.Itoa(i),
		jwt: "eyJhbGciOiJSUzI1NiJ9." + claims + ".c2ln", admin: map[engage.Flow]string{}}
}

// newID makes version ids and the like.
func (h *history) newID() string {
	h.ids++
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", h.ids, h.ids)
}

func (h *history) newToken() string {
	h.ids++
	h.made = fmt.Sprintf("%s:%08x-0000-4000-9000-%012x", platform, uint32(h.ids)*2654435761, h.ids)
	return h.made
}

// answers draws the forms of the vendor's answers.
func (h *history) answers() engagetest.Answers {
	a := engagetest.Answers{
		Create: engagetest.CreateForm(h.random.IntN(4)), List: engagetest.ListForm(h.random.IntN(2)),
		Order: engagetest.ListOrder(h.random.IntN(3)), Delete: engagetest.DeleteForm(h.random.IntN(3)),
	}
	if h.chance(0.3) {
		a.DeadToken = 403
	}
	a.UnknownDelete = pick(h, 404, 404, 410, 200)
	return a
}

// populate makes the stacks and secrets and starts what goes on by itself.
func (h *history) populate() {
	h.makeStacks()
	h.makeSecrets()
	for _, s := range h.secrets {
		h.after(h.between(0, time.Minute), func() { h.rotate(s) })
	}
	n := &h.nature
	if !h.options.yardstick {
		h.readers = newReaders(h)
		for _, s := range h.stacks {
			h.schedule(h.mean(time.Hour, 10*time.Hour), func() { h.scheduledSweep(s) })
		}
	}
	if n.strangers > 0 {
		h.schedule(h.between(time.Hour, 10*time.Hour), h.stranger)
	}
	if n.people > 0 {
		h.schedule(h.mean(10*time.Minute, 10*time.Hour), h.intervene)
	}
}

// makeStacks makes the deployments.
func (h *history) makeStacks() {
	names := []string{"one"}
	if h.nature.twoStacks {
		names = append(names, "two")
	}
	for _, name := range names {
		s := &stack{name: name, prefix: "/engage-token-rotation-" + name,
			retention: h.nature.retention, exclusive: h.nature.exclusive, mirror: newMirror()}
		s.set = s.settings()
		h.stacks = append(h.stacks, s)
	}
}

// makeSecrets makes the admin secrets and the token secrets.
func (h *history) makeSecrets() {
	flow := h.options.flow
	if flow == "" {
		flow = h.nature.flow
	}
	flows := []engage.Flow{flow}
	if h.nature.twoHosts {
		flows = append(flows, engage.FlowEngage, engage.FlowRingCentral)
	}
	for _, u := range h.users {
		if h.chance(0.6) {
			h.makeAdmins(u, flows)
		}
	}
	count := 1 + h.random.IntN(3)
	switch {
	case h.nature.oneSecret:
		count = 1
	case h.nature.oneUser:
		count = 3
	case h.nature.twoStacks:
		count = 2 + h.random.IntN(2)
	}
	for i := range count {
		s := &managed{name: "secret" + strconv.Itoa(i), user: pick(h, h.users...), flow: pick(h, flows...),
			stack: h.stacks[i%len(h.stacks)]}
		if h.nature.twoHosts {
			s.host = pick(h, "", otherHost)
		}
		h.addSecret(s)
	}
}

func (h *history) makeAdmins(u *user, flows []engage.Flow) {
	for _, flow := range flows {
		if u.admin[flow] == "" {
			u.admin[flow] = h.store("admin-"+u.name+"-"+string(flow), document(loginFields(u, flow), `,"tokenSecrets":["*"]`))
		}
	}
}

func (h *history) addSecret(s *managed) {
	h.secrets = append(h.secrets, s)
	s.stack.secrets = append(s.stack.secrets, s)
	s.arn = h.store(s.name, h.document(s, ""))
	h.secretOf[s.arn] = s
	h.observeCurrent(nil, s)
}

// mean draws a mean time, unless the profile has set one.
func (h *history) mean(low, high time.Duration) time.Duration {
	if drawn := h.between(low, high); h.nature.interval == 0 {
		return drawn
	}
	return h.nature.interval
}

// schedule repeats something at random times until the calm.
func (h *history) schedule(mean time.Duration, do func()) {
	h.unlessCalm(h.between(0, 2*mean), func() {
		do()
		h.schedule(mean, do)
	})
}

// store makes a secret in the store.
func (h *history) store(name, text string) string {
	out, err := h.secretsManager.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &text})
	if err != nil {
		panic(err)
	}
	c := &storedChanges{}
	h.stored[out.ARN], h.stored[out.Name] = c, c
	return out.ARN
}

// loginFields returns the members of a document that say how the user logs in.
func loginFields(u *user, flow engage.Flow) map[string]string {
	fields := map[string]string{"loginFlow": string(flow)}
	switch flow {
	case engage.FlowRingCentral:
		fields["clientId"], fields["clientSecret"], fields["jwt"] = u.clientID, clientSecret, u.jwt
	case engage.FlowLegacy:
		fields["username"], fields["password"] = u.name, u.password
	default:
		fields["username"], fields["password"], fields["platformId"] = u.name, u.password, platform
	}
	return fields
}

// document returns a document of these fields; rest is what follows them.
func document(fields map[string]string, rest string) string {
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return strings.TrimSuffix(string(text), "}") + rest + "}"
}

// document returns what a person stores in a secret who knows what it needs.
func (h *history) document(s *managed, token string) string {
	rest := fmt.Sprintf(`,"note":"edit %d","port":12345678901234567890`, s.edits)
	if token != "" {
		rest += `,"apiToken":"` + token + `"`
	}
	fields := loginFields(s.user, s.flow)
	if admin := s.user.admin[s.flow]; admin != "" {
		fields = map[string]string{"adminSecretArn": admin}
	}
	if s.host != "" {
		fields["baseUrl"] = s.host
	}
	return document(fields, rest)
}
