package awstest

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits of the Parameter Store.
const (
	MaxStandardCharacters = 4096
	MaxAdvancedCharacters = 8192
	maxStandardParameters = 10_000
	maxAdvancedParameters = 100_000
	maxLevels             = 15
	maxNameLength         = 1011
	defaultHistory        = 100
)

// ParametersConfig configures a [ParameterStore]. Its zero value is a service without faults.
type ParametersConfig struct {
	// Account and Region are those of the ARNs. Empty means 123456789012 and us-east-1.
	Account, Region string
	// Now is the clock; nil means time.Now. It is called with the store's lock held: it must not call
	// back.
	Now func() time.Time
	// Rates limit how often operations are called, by Now; nil means no limit. [ParameterRates] are
	// AWS's.
	Rates []Rate
	// EmptyPages begins every answer of GetParametersByPath that has a result with an empty page that
	// carries a NextToken: the service may do that at any time.
	EmptyPages bool
	// Versions is how many versions of a parameter are kept. 0 means 100, as in AWS.
	Versions int
	// Secrets has the secrets below /aws/reference/secretsmanager/. Nil means that there are none.
	Secrets *SecretsManager
}

// ParameterStore is the state and the rules of the Parameter Store in one account and region. Make
// it with [NewParameterStore]. It is safe for concurrent use and starts no goroutine. Errors of its
// operations are *[APIError].
type ParameterStore struct {
	config   ParametersConfig
	throttle *throttle

	mu     sync.Mutex
	byPath map[string]*parameter // by name with a leading slash
	paths  []string              // sorted
	// advanced counts the advanced parameters.
	advanced int
}

// NewParameterStore returns an empty store.
func NewParameterStore(config ParametersConfig) *ParameterStore {
	if config.Account == "" {
		config.Account = defaultAccount
	}
	if config.Region == "" {
		config.Region = defaultRegion
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Versions == 0 {
		config.Versions = defaultHistory
	}
	return &ParameterStore{config: config, byPath: map[string]*parameter{},
		throttle: newThrottle(config.Rates, config.Now)}
}

// parameter is one parameter with its versions, the latest last.
type parameter struct {
	name     string
	versions []ParameterVersion
	tags     []Tag
}

func (p *parameter) latest() *ParameterVersion { return &p.versions[len(p.versions)-1] }

// ParameterVersion is a version of a parameter: an entry of GetParameterHistory.
type ParameterVersion struct {
	Name             string
	Type             string
	Value            string `json:",omitempty"`
	Version          int64
	Description      string `json:",omitempty"`
	KeyId            string `json:",omitempty"`
	AllowedPattern   string `json:",omitempty"`
	Tier             string
	DataType         string
	LastModifiedDate Timestamp
	LastModifiedUser string   `json:",omitempty"`
	Labels           []string `json:",omitzero"` // empty in GetParameterHistory
}

// find returns the parameter of a name or ARN, or nil. A name of one level is the same with a
// leading slash and without, as its ARN is.
func (p *ParameterStore) find(name string) *parameter { return p.byPath[p.path(name)] }

// path returns the name with a leading slash. An ARN of another account stays as it is.
func (p *ParameterStore) path(name string) string {
	name, _ = strings.CutPrefix(name, p.arnPrefix())
	if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "arn:") {
		return name
	}
	return "/" + name
}

func (p *ParameterStore) arnPrefix() string {
	return "arn:aws:ssm:" + p.config.Region + ":" + p.config.Account + ":parameter/"
}

// ARN returns the ARN of a parameter, existing or not.
func (p *ParameterStore) ARN(name string) string {
	return p.arnPrefix() + strings.TrimPrefix(name, "/")
}

// Parameter is a parameter in an answer. SourceResult, and Value of a SecureString, are secret: do
// not print it.
type Parameter struct {
	Name             string
	Type             string
	Value            string `json:",omitempty"` // none of a reference to a binary secret
	Version          int64
	Selector         string    `json:",omitempty"`
	SourceResult     string    `json:",omitempty"`
	LastModifiedDate Timestamp `json:",omitzero"`
	ARN              string
	DataType         string `json:",omitempty"`
}

func (p *ParameterStore) show(v *ParameterVersion, decrypt bool) Parameter {
	return Parameter{Name: v.Name, Type: v.Type, Value: v.shown(decrypt), Version: v.Version,
		LastModifiedDate: v.LastModifiedDate, ARN: p.ARN(v.Name), DataType: v.DataType}
}

// shown returns the value, or a text that looks like ciphertext for a SecureString that is not
// decrypted.
func (v *ParameterVersion) shown(decrypt bool) string {
	if v.Type != "SecureString" || decrypt {
		return v.Value
	}
	sum := sha256.Sum256([]byte(v.Name + "\x00" + strconv.FormatInt(v.Version, 10) + "\x00" + v.Value))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// GetParameterInput is the request of GetParameter. Name may carry a version as ":3", be an ARN, or
// refer to a secret as /aws/reference/secretsmanager/<name>.
type GetParameterInput struct {
	Name           string
	WithDecryption bool
}

// GetParameterOutput is the answer of GetParameter.
type GetParameterOutput struct{ Parameter Parameter }

// GetParameter reads a parameter. An unknown name is ParameterNotFound, without a message, like the
// service's. The answer has the name as the request has it.
func (p *ParameterStore) GetParameter(in *GetParameterInput) (*GetParameterOutput, error) {
	if err := p.throttle.take("GetParameter"); err != nil {
		return nil, err
	}
	found, err := p.get(in.Name, in.WithDecryption)
	if err != nil {
		return nil, err
	}
	return &GetParameterOutput{Parameter: *found}, nil
}

func errParameterNotFound() *APIError { return &APIError{Code: "ParameterNotFound"} }

func errSelector() *APIError {
	return failure(codeValidation,
		"Invalid parameter name. Please use correct syntax for referencing a version/label  <name>:<version/label>")
}

// parameterPath is a plain name or a path.
var parameterPath = regexp.MustCompile(`^([A-Za-z0-9_.-]+|(/[A-Za-z0-9_.-]+)+)$`)

func (p *ParameterStore) get(name string, decrypt bool) (*Parameter, error) {
	if strings.HasPrefix(name, secretReference) {
		return p.secret(name, decrypt)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rest, byARN := strings.CutPrefix(name, p.arnPrefix())
	plain, selector, selected := strings.Cut(rest, ":")
	switch {
	case strings.HasPrefix(rest, "arn:"):
		return nil, errParameterNotFound()
	case selected && (selector == "" || strings.Contains(selector, ":")):
		return nil, errSelector()
	case !byARN && !parameterPath.MatchString(plain):
		return nil, errParameterPath()
	}
	found := p.find(plain)
	if found == nil {
		return nil, errParameterNotFound()
	}
	version := found.version(selector)
	if version == nil {
		return nil, failure("ParameterVersionNotFound",
			"Systems Manager could not find version %s of %s. Verify the version and try again.", selector, plain)
	}
	shown := p.show(version, decrypt)
	if !byARN {
		shown.Name = plain
	}
	if selected {
		shown.Selector = ":" + selector
	}
	return &shown, nil
}

// version returns a version by its number, the latest for "", or nil.
func (p *parameter) version(number string) *ParameterVersion {
	if number == "" {
		return p.latest()
	}
	for i := range p.versions {
		if strconv.FormatInt(p.versions[i].Version, 10) == number {
			return &p.versions[i]
		}
	}
	return nil
}
