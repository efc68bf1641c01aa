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
	byName map[string]*parameter
	names  []string // sorted
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
	return &ParameterStore{config: config, byName: map[string]*parameter{}, throttle: newThrottle(config.Rates, config.Now)}
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
	Labels           []string `json:",omitempty"`
}

// plainName returns the name in an ARN.
func (p *ParameterStore) plainName(name string) string {
	rest, found := strings.CutPrefix(name, p.arnPrefix())
	switch {
	case !found:
		return name
	case p.byName["/"+rest] != nil || strings.Contains(rest, "/"):
		return "/" + rest
	}
	return rest
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
	Value            string
	Version          int64
	Selector         string    `json:",omitempty"`
	SourceResult     string    `json:",omitempty"`
	LastModifiedDate Timestamp `json:",omitzero"`
	ARN              string
	DataType         string
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
// service's.
func (p *ParameterStore) GetParameter(in *GetParameterInput) (*GetParameterOutput, error) {
	if err := p.throttle.take("GetParameter"); err != nil {
		return nil, err
	}
	if name, found := strings.CutPrefix(in.Name, secretReference); found {
		parameter, err := p.secret(in.Name, name, in.WithDecryption)
		if err != nil {
			return nil, err
		}
		return &GetParameterOutput{Parameter: *parameter}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found, err := p.get(in.Name, in.WithDecryption)
	if err != nil {
		return nil, err
	}
	return &GetParameterOutput{Parameter: found}, nil
}

func errParameterNotFound() *APIError { return &APIError{Code: "ParameterNotFound"} }

var versionSelector = regexp.MustCompile(`^(.+?):(\d+)$`)

func (p *ParameterStore) get(name string, decrypt bool) (Parameter, error) {
	selector := ""
	if match := versionSelector.FindStringSubmatch(name); match != nil {
		name, selector = match[1], match[2]
	}
	found := p.byName[p.plainName(name)]
	if found == nil {
		return Parameter{}, errParameterNotFound()
	}
	if selector == "" {
		return p.show(found.latest(), decrypt), nil
	}
	for i := range found.versions {
		if strconv.FormatInt(found.versions[i].Version, 10) == selector {
			shown := p.show(&found.versions[i], decrypt)
			shown.Selector = ":" + selector
			return shown, nil
		}
	}
	return Parameter{}, failure("ParameterVersionNotFound",
		"Systems Manager could not find version %s of %s. Verify the version and try again.", selector, name)
}
