package awstest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// SecretsManager is the state and the rules of Secrets Manager in one account and region. Make it
// with [NewSecretsManager]. It is safe for concurrent use. Errors of its operations are
// *[APIError].
type SecretsManager struct {
	config   SecretsConfig
	throttle *throttle

	mu      sync.Mutex
	byName  map[string]*secret
	byARN   map[string]*secret
	names   []string                         // sorted
	created int                              // number of secrets ever created
	events  []Event                          // to be delivered on unlock
	running map[[2]string]context.CancelFunc // by secret ARN and version
	idle    chan struct{}                    // closed when running gets empty; nil while no caller waits
	ctx     context.Context
	cancel  context.CancelFunc
}

// NewSecretsManager returns a service without secrets.
func NewSecretsManager(config SecretsConfig) *SecretsManager {
	if config.Account == "" {
		config.Account = defaultAccount
	}
	if config.Region == "" {
		config.Region = defaultRegion
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.NewID == nil {
		config.NewID = newUUID
	}
	if config.DeprecatedRetention == 0 {
		config.DeprecatedRetention = defaultRetention
	}
	if config.Attempts == 0 {
		config.Attempts = defaultAttempts
	}
	if config.RetryDelay == 0 {
		config.RetryDelay = defaultRetryDelay
	}
	if config.Sleep == nil {
		config.Sleep = sleep
	}
	if config.MinimumInterval == 0 {
		config.MinimumInterval = defaultInterval
	}
	s := &SecretsManager{config: config, byName: map[string]*secret{}, byARN: map[string]*secret{},
		throttle: newThrottle(config.Rates, config.Now), running: map[[2]string]context.CancelFunc{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// secret is one secret. All its fields are guarded by SecretsManager.mu.
type secret struct {
	name, arn, description, kmsKeyID string
	tags                             []Tag
	created, changed, accessed       time.Time
	deleteAt                         time.Time // zero if not scheduled for deletion
	number                           int       // in the order of creation, from 1
	versions                         []*version
	byID                             map[string]*version
	labels                           map[string]*version
	past                             []*secret // earlier states, the latest last

	functionARN  string
	rules        RotationRules
	enabled      bool
	lastRotated  time.Time
	nextRotation time.Time
	rotation     *rotation   // the latest one
	overtaken    []*rotation // earlier ones that run still
}

// Tag is a key and a value on a secret or a parameter.
type Tag struct{ Key, Value string }

// CreateSecretInput is the request of CreateSecret. Without SecretString and SecretBinary the
// secret has no value.
type CreateSecretInput struct {
	Name               string
	ClientRequestToken string
	Description        string
	KmsKeyId           string
	SecretString       *string
	SecretBinary       []byte
	Tags               []Tag
}

// SecretOutput is the answer of the operations that name a secret and perhaps a version.
type SecretOutput struct {
	ARN       string
	Name      string
	VersionId string `json:",omitempty"`
}

var (
	secretName = regexp.MustCompile(`^[-/_+=.@!A-Za-z0-9]+$`)
	secretARN  = regexp.MustCompile(`^arn:[-/_+=.@!:A-Za-z0-9]+$`)
)

// checkName checks the form of a name, or of the name or ARN in SecretId.
func checkName(text, member string, most int) error {
	switch {
	case text == "":
		return errConstraint("", member, "Member must have length greater than or equal to 1")
	case len(text) > most:
		return errConstraint(text, member, "Member must have length less than or equal to "+strconv.Itoa(most))
	case secretName.MatchString(text) || member == "secretId" && secretARN.MatchString(text):
		return nil
	}
	return failure(codeValidation,
		"Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
}

// CreateSecret creates a secret, with a value or without.
func (s *SecretsManager) CreateSecret(in *CreateSecretInput) (*SecretOutput, error) {
	if err := s.throttle.take("CreateSecret"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	if err := checkName(in.Name, "name", maxSecretName); err != nil {
		return nil, err
	}
	content, err := newValue(in.SecretString, in.SecretBinary, true)
	if err != nil {
		return nil, err
	}
	token, err := s.token(in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	if old := s.find(in.Name); old != nil {
		return old.recreate(token, content)
	}
	now := s.config.Now()
	sec := &secret{
		name: in.Name, arn: s.newARN(in.Name), description: in.Description, kmsKeyID: in.KmsKeyId, created: now, changed: now,
		byID: map[string]*version{}, labels: map[string]*version{},
	}
	sec.tag(in.Tags)
	s.add(sec)
	out := &SecretOutput{ARN: sec.arn, Name: sec.name}
	if content != nil {
		v := sec.addVersion(token, content, now)
		sec.attach(StageCurrent, v, now)
		out.VersionId = token
	}
	return out, nil
}

// recreate answers CreateSecret for a name that exists: a repetition of the same request succeeds.
func (sec *secret) recreate(token string, content *value) (*SecretOutput, error) {
	if !sec.deleteAt.IsZero() {
		return nil, failure(codeInvalidRequest,
			"You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	switch v := sec.byID[token]; {
	case v == nil:
	case content != nil && v.value.equal(content):
		return &SecretOutput{ARN: sec.arn, Name: sec.name, VersionId: token}, nil
	default:
		return nil, errTokenInUse(token, sec)
	}
	return nil, failure(codeExists, "The operation failed because the secret %s already exists.", sec.name)
}

func (s *SecretsManager) add(sec *secret) {
	s.byName[sec.name], s.byARN[sec.arn] = sec, sec
	s.created++
	sec.number = s.created
	at := sort.SearchStrings(s.names, sec.name)
	s.names = append(s.names, "")
	copy(s.names[at+1:], s.names[at:])
	s.names[at] = sec.name
}

func (s *SecretsManager) remove(sec *secret) {
	delete(s.byName, sec.name)
	delete(s.byARN, sec.arn)
	for key, cancel := range s.running {
		if key[0] == sec.arn {
			cancel()
		}
	}
	at := sort.SearchStrings(s.names, sec.name)
	s.names = append(s.names[:at], s.names[at+1:]...)
}

// find returns the secret named by name, full ARN or ARN without its suffix, or nil. A partial ARN
// whose name ends like a suffix (a hyphen and six characters) is treated as a full one and not
// found, as recordings of the service show.
func (s *SecretsManager) find(id string) *secret {
	sec := s.byName[id]
	if sec == nil {
		sec = s.byARN[id]
	}
	if sec == nil && strings.HasPrefix(id, s.arnPrefix()) && !suffixed.MatchString(id) {
		sec = s.byName[strings.TrimPrefix(id, s.arnPrefix())]
	}
	if sec != nil && !sec.deleteAt.IsZero() && !s.config.Now().Before(sec.deleteAt) {
		s.remove(sec)
		return nil
	}
	return sec
}

var suffixed = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// known returns the secret that a SecretId names, also one that is scheduled for deletion.
func (s *SecretsManager) known(id string) (*secret, error) {
	if sec := s.find(id); sec != nil {
		return sec, nil
	}
	if err := checkName(id, "secretId", maxSecretID); err != nil {
		return nil, err
	}
	return nil, errSecretNotFound()
}

// use returns the secret that a SecretId names unless it is scheduled for deletion.
func (s *SecretsManager) use(id string) (*secret, error) {
	sec, err := s.known(id)
	if err != nil {
		return nil, err
	}
	if !sec.deleteAt.IsZero() {
		return nil, errDeleted()
	}
	return sec, nil
}

func (s *SecretsManager) arnPrefix() string {
	return "arn:aws:secretsmanager:" + s.config.Region + ":" + s.config.Account + ":secret:"
}

// newARN makes an ARN with a suffix of six characters.
func (s *SecretsManager) newARN(name string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	digest := fnv.New64a()
	_, _ = digest.Write([]byte(s.config.NewID()))
	suffix, n := make([]byte, 6), digest.Sum64()
	for i := range suffix {
		suffix[i] = alphabet[n%uint64(len(alphabet))]
		n /= uint64(len(alphabet))
	}
	return s.arnPrefix() + name + "-" + string(suffix)
}

// token checks a ClientRequestToken, or makes one if there is none. The SDKs always send one, and
// the HTTP layer refuses requests without.
func (s *SecretsManager) token(token string) (string, error) {
	if token == "" {
		return s.config.NewID(), nil
	}
	if len(token) < MinTokenLength || len(token) > MaxTokenLength {
		return "", failure(codeInvalidParameter, "ClientRequestToken must be %d-%d characters long.", MinTokenLength,
			MaxTokenLength)
	}
	return token, nil
}

// ARN returns the full ARN of the named secret, or "" if there is none.
func (s *SecretsManager) ARN(secretID string) string {
	s.mu.Lock()
	defer s.unlock()
	if sec := s.find(secretID); sec != nil {
		return sec.arn
	}
	return ""
}

// tag sets tags, replacing those of the same key.
func (sec *secret) tag(tags []Tag) {
	if len(tags) == 0 {
		return
	}
	sec.untag(tags)
	sec.tags = append(sec.tags, tags...)
}

func (sec *secret) untag(tags []Tag) {
	kept := []Tag{} // not nil: after the last untag the service returns an empty list
	for _, old := range sec.tags {
		gone := false
		for _, tag := range tags {
			gone = gone || tag.Key == old.Key
		}
		if !gone {
			kept = append(kept, old)
		}
	}
	sec.tags = kept
}

// epochSeconds formats t with milliseconds.
func epochSeconds(t time.Time) []byte {
	return strconv.AppendFloat(nil, float64(t.UnixMilli())/1000, 'f', 3, 64)
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b[:])
	return fmt.Sprintf("%s-%s-%s-%s-%s", text[:8], text[8:12], text[12:16], text[16:20], text[20:])
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
