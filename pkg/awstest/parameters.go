package awstest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Limits of the Parameter Store.
const (
	MaxStandardCharacters = 4096
	MaxAdvancedCharacters = 8192
	maxLevels             = 15
	maxNameLength         = 1011
	defaultHistory        = 100
)

// ParametersConfig configures a [ParameterStore]. Its zero value is a good service.
type ParametersConfig struct {
	// Account and Region stand in the ARNs. Empty means 123456789012 and us-east-1.
	Account, Region string
	// Now is the clock; nil means time.Now. It is called with the store's lock held: it must not call back.
	Now func() time.Time
	// PutsPerSecond throttles PutParameter, with a burst of one second. 0 means no limit; AWS has 3.
	PutsPerSecond float64
	// EmptyPages begins every answer of GetParametersByPath that has a result with an empty page that carries a
	// NextToken: the service may do that at any time.
	EmptyPages bool
	// Versions is how many versions of a parameter are kept. 0 means 100, as in AWS.
	Versions int
	// Secrets answers names under /aws/reference/secretsmanager/. Nil: there are none.
	Secrets *SecretsManager
}

// ParameterStore is the state and the rules of the Parameter Store in one account and region. Make it with
// [NewParameterStore]. It is safe for concurrent use and starts no goroutine. Errors of its operations are *[APIError].
type ParameterStore struct {
	config ParametersConfig

	mu     sync.Mutex
	byName map[string]*parameter
	names  []string // sorted
	tokens float64  // puts that may be made now
	filled time.Time
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
	return &ParameterStore{config: config, byName: map[string]*parameter{}, tokens: config.PutsPerSecond}
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

// PutParameterInput is the request of PutParameter.
type PutParameterInput struct {
	Name           string
	Value          string
	Type           string
	Description    string
	KeyId          string
	AllowedPattern string
	Tier           string
	DataType       string
	Overwrite      bool
	Tags           []Tag
}

// PutParameterOutput is the answer of PutParameter.
type PutParameterOutput struct {
	Version int64
	Tier    string
}

// PutParameter writes a parameter. Without Overwrite an existing name is ParameterAlreadyExists: the only atomic guard
// that the service has.
func (p *ParameterStore) PutParameter(in *PutParameterInput) (*PutParameterOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.config.Now()
	if !p.mayPut(now) {
		return nil, failure(codeThrottling, "Rate exceeded")
	}
	name := p.plainName(in.Name)
	old := p.byName[name]
	if err := checkParameter(name, in, old != nil); err != nil {
		return nil, err
	}
	if old == nil && len(p.names) >= 10000 {
		return nil, failure("ParameterLimitExceeded", "You have exceeded the number of parameters for this account.")
	}
	if old == nil {
		old = &parameter{name: name, tags: slices.Clone(in.Tags)}
		p.byName[name] = old
		p.names = slices.Insert(p.names, sort.SearchStrings(p.names, name), name)
	}
	next := ParameterVersion{
		Name: name, Type: in.Type, Value: in.Value, Version: 1, Description: in.Description, KeyId: in.KeyId, AllowedPattern: in.AllowedPattern,
		Tier: in.Tier, DataType: in.DataType, LastModifiedDate: Timestamp{now}, LastModifiedUser: "arn:aws:iam::" + p.config.Account + ":root",
	}
	if len(old.versions) > 0 {
		next.inherit(old.latest())
	}
	next.fill()
	old.versions = append(old.versions, next)
	if extra := len(old.versions) - p.config.Versions; extra > 0 {
		old.versions = slices.Delete(old.versions, 0, extra)
	}
	return &PutParameterOutput{Version: next.Version, Tier: next.Tier}, nil
}

// inherit takes over what an overwriting request leaves out.
func (v *ParameterVersion) inherit(old *ParameterVersion) {
	v.Version = old.Version + 1
	for _, field := range []struct{ to, from *string }{
		{&v.Type, &old.Type}, {&v.Description, &old.Description}, {&v.KeyId, &old.KeyId},
		{&v.AllowedPattern, &old.AllowedPattern}, {&v.Tier, &old.Tier}, {&v.DataType, &old.DataType},
	} {
		if *field.to == "" {
			*field.to = *field.from
		}
	}
}

func (v *ParameterVersion) fill() {
	if v.Tier == "" || v.Tier == "Intelligent-Tiering" {
		v.Tier = "Standard"
		if utf8.RuneCountInString(v.Value) > MaxStandardCharacters {
			v.Tier = "Advanced"
		}
	}
	if v.DataType == "" {
		v.DataType = "text"
	}
	if v.Type == "SecureString" && v.KeyId == "" {
		v.KeyId = "alias/aws/ssm"
	}
}

var (
	parameterName = regexp.MustCompile(`^[A-Za-z0-9_.\-/]+$`)
	reservedName  = regexp.MustCompile(`(?i)^/?(aws|ssm)`)
)

func checkParameter(name string, in *PutParameterInput, exists bool) error {
	limit := MaxStandardCharacters
	if in.Tier == "Advanced" || in.Tier == "Intelligent-Tiering" {
		limit = MaxAdvancedCharacters
	}
	switch {
	case in.Value == "":
		return errConstraint("", "value", "Member must have length greater than or equal to 1")
	case name == "" || len(name) > maxNameLength:
		return errConstraint(name, "name", "Member must have length between 1 and 1011, inclusive")
	case !parameterName.MatchString(name):
		return failure(codeValidation, `Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`)
	case strings.HasPrefix(strings.ToLower(name), "/aws/"):
		return failure(codeAccessDenied, "No access to reserved parameter name: %s.", name)
	case reservedName.MatchString(name):
		return failure(codeValidation, `Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	case strings.Contains(name, "/") && name[0] != '/':
		return failure(codeValidation, "Parameter name must be a fully qualified name.")
	case strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		return failure(codeValidation, "Parameter name must not end with a slash or hold an empty sub-path.")
	case strings.Count(name, "/") > maxLevels:
		return failure("HierarchyLevelLimitExceededException", "The hierarchy can't be deeper than 15 levels.")
	case in.Overwrite && len(in.Tags) > 0:
		return failure(codeValidation, "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case exists && !in.Overwrite:
		return failure("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case in.Type == "" && !exists:
		return failure(codeValidation, "A parameter type is required when you create a parameter.")
	case in.Type != "" && in.Type != "String" && in.Type != "StringList" && in.Type != "SecureString":
		return errConstraint(in.Type, "type", "Member must satisfy enum value set: [SecureString, StringList, String]")
	case utf8.RuneCountInString(in.Value) > limit && limit == MaxStandardCharacters:
		return failure(codeValidation, "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html")
	case utf8.RuneCountInString(in.Value) > limit:
		return failure(codeValidation, "Advanced tier parameters support a maximum parameter value of 8192 characters.")
	}
	return checkPattern(in)
}

func checkPattern(in *PutParameterInput) error {
	if in.AllowedPattern == "" {
		return nil
	}
	pattern, err := regexp.Compile(in.AllowedPattern)
	if err != nil {
		return failure("InvalidAllowedPatternException", "The request does not meet the regular expression requirement.")
	}
	if !pattern.MatchString(in.Value) {
		return failure("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", in.AllowedPattern)
	}
	return nil
}

// mayPut takes a put out of the bucket.
func (p *ParameterStore) mayPut(now time.Time) bool {
	rate := p.config.PutsPerSecond
	if rate <= 0 {
		return true
	}
	if !p.filled.IsZero() {
		p.tokens = min(rate, p.tokens+rate*now.Sub(p.filled).Seconds())
	}
	p.filled = now
	if p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}

// plainName takes the name out of an ARN.
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

// Parameter is a parameter in an answer. SourceResult, and Value of a SecureString, are secret: do not print it.
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
	return Parameter{Name: v.Name, Type: v.Type, Value: v.shown(decrypt), Version: v.Version, LastModifiedDate: v.LastModifiedDate, ARN: p.ARN(v.Name), DataType: v.DataType}
}

// shown is the value, or something that looks like ciphertext for a SecureString that is not to be decrypted.
func (v *ParameterVersion) shown(decrypt bool) string {
	if v.Type != "SecureString" || decrypt {
		return v.Value
	}
	sum := sha256.Sum256([]byte(v.Name + "\x00" + strconv.FormatInt(v.Version, 10) + "\x00" + v.Value))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// GetParameterInput is the request of GetParameter. Name may carry a version as ":3", be an ARN, or refer to a secret as
// /aws/reference/secretsmanager/<name>.
type GetParameterInput struct {
	Name           string
	WithDecryption bool
}

// GetParameterOutput is the answer of GetParameter.
type GetParameterOutput struct{ Parameter Parameter }

// GetParameter reads a parameter. An unknown name is ParameterNotFound, without a message, as the service often has it.
func (p *ParameterStore) GetParameter(in *GetParameterInput) (*GetParameterOutput, error) {
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
	return Parameter{}, failure("ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", selector, name)
}

const secretReference = "/aws/reference/secretsmanager/"

// secret answers a reference to a secret.
func (p *ParameterStore) secret(reference, name string, decrypt bool) (*Parameter, error) {
	if !decrypt {
		return nil, failure(codeValidation, "WithDecryption flag must be True for retrieving a Secret Manager secret.")
	}
	if p.config.Secrets == nil {
		return nil, errParameterNotFound()
	}
	got, err := p.config.Secrets.GetSecretValue(&GetSecretValueInput{SecretId: name})
	if err != nil {
		return nil, failure("ParameterNotFound", "An error occurred (%s) when referencing Secrets Manager: Secret %s not found.", codeOf(err), name)
	}
	source, _ := json.Marshal(got)
	parameter := &Parameter{Name: reference, Type: "SecureString", SourceResult: string(source), LastModifiedDate: got.CreatedDate, ARN: got.ARN, DataType: "text"}
	if got.SecretString != nil {
		parameter.Value = *got.SecretString
	} else {
		parameter.Value = base64.StdEncoding.EncodeToString(got.SecretBinary)
	}
	return parameter, nil
}
