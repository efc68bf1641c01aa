package awstest

import (
	"cmp"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

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

// PutParameter writes a parameter. Without Overwrite an existing name is ParameterAlreadyExists:
// the only atomic guard that the service has.
func (p *ParameterStore) PutParameter(in *PutParameterInput) (*PutParameterOutput, error) {
	if err := p.throttle.take("PutParameter"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, name := p.config.Now(), in.Name
	if rest, byARN := strings.CutPrefix(name, p.arnPrefix()); byARN {
		name = p.path(rest)
	}
	old := p.find(name)
	if err := checkParameter(name, in, old != nil); err != nil {
		return nil, err
	}
	tier := p.tier(in, old)
	if old == nil && p.full(tier) {
		return nil, failure("ParameterLimitExceeded", "You have exceeded the number of parameters for this account.")
	}
	if old == nil {
		old = &parameter{name: name, tags: slices.Clone(in.Tags)}
		path := p.path(name)
		p.byPath[path] = old
		p.paths = slices.Insert(p.paths, sort.SearchStrings(p.paths, path), path)
	}
	next := ParameterVersion{
		Name: old.name, Type: in.Type, Value: in.Value, Version: 1, Description: in.Description, KeyId: in.KeyId,
		AllowedPattern: in.AllowedPattern, DataType: in.DataType, LastModifiedDate: Timestamp{now},
		LastModifiedUser: "arn:aws:iam::" + p.config.Account + ":root",
	}
	if len(old.versions) > 0 {
		p.advanced -= old.advanced()
		next.inherit(old.latest())
	}
	next.Tier = tier
	next.fill()
	old.versions = append(old.versions, next)
	p.advanced += old.advanced()
	if extra := len(old.versions) - p.config.Versions; extra > 0 {
		old.versions = slices.Delete(old.versions, 0, extra)
	}
	return &PutParameterOutput{Version: next.Version, Tier: next.Tier}, nil
}

// The tiers of a parameter, and what a request may say in place of one.
const (
	tierStandard    = "Standard"
	tierAdvanced    = "Advanced"
	tierIntelligent = "Intelligent-Tiering"
)

// tier returns the tier that a request's parameter gets. Intelligent-Tiering means Advanced for a
// long value and beyond the number of standard parameters. An advanced parameter stays one.
func (p *ParameterStore) tier(in *PutParameterInput, old *parameter) string {
	switch {
	case old.advanced() > 0 || in.Tier == tierAdvanced:
		return tierAdvanced
	case in.Tier != tierIntelligent:
		return tierStandard
	case utf8.RuneCountInString(in.Value) > MaxStandardCharacters, old == nil && p.full(tierStandard):
		return tierAdvanced
	}
	return tierStandard
}

// full reports whether the store takes no further parameter of a tier.
func (p *ParameterStore) full(tier string) bool {
	if tier == tierAdvanced {
		return p.advanced >= maxAdvancedParameters
	}
	return len(p.paths)-p.advanced >= maxStandardParameters
}

// advanced returns 1 for an advanced parameter, else 0.
func (p *parameter) advanced() int {
	if p != nil && len(p.versions) > 0 && p.latest().Tier == tierAdvanced {
		return 1
	}
	return 0
}

// inherit keeps what an overwriting request leaves out.
func (v *ParameterVersion) inherit(old *ParameterVersion) {
	v.Version = old.Version + 1
	for _, field := range []struct{ to, from *string }{
		{&v.Type, &old.Type}, {&v.Description, &old.Description}, {&v.KeyId, &old.KeyId},
		{&v.AllowedPattern, &old.AllowedPattern}, {&v.DataType, &old.DataType},
	} {
		if *field.to == "" {
			*field.to = *field.from
		}
	}
}

func (v *ParameterVersion) fill() {
	if v.DataType == "" {
		v.DataType = "text"
	}
	if v.Type == "SecureString" && v.KeyId == "" {
		v.KeyId = "alias/aws/ssm"
	}
}

var (
	reservedName = regexp.MustCompile(`(?i)^(aws|ssm)`)
	reservedPath = regexp.MustCompile(`(?i)^/aws`)
	ssmPath      = regexp.MustCompile(`(?i)^/ssm`)
)

func errParameterPath() *APIError {
	return failure(codeValidation,
		`Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of `+
			`sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following `+
			`3 symbols .-_`)
}

// checkParameterName checks the name of a parameter that is to be written.
func checkParameterName(name string) error {
	switch {
	case name == "" || len(name) > maxNameLength:
		return errConstraint(name, "name", "Member must have length between 1 and 1011, inclusive")
	case reservedPath.MatchString(name):
		return failure(codeAccessDenied, "No access to reserved parameter name: %s.", name)
	case reservedName.MatchString(name):
		return failure(codeValidation, `Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	case strings.Contains(name, "/") && name[0] != '/':
		return failure(codeValidation, "Parameter name must be a fully qualified name.")
	case ssmPath.MatchString(name) || !parameterPath.MatchString(name):
		return errParameterPath()
	case strings.Count(name, "/") > maxLevels:
		return failure("HierarchyLevelLimitExceededException", "The hierarchy can't be deeper than 15 levels.")
	}
	return nil
}

func checkDataType(dataType string) error {
	switch dataType {
	case "", "text":
		return nil
	case "aws:ec2:image", "aws:ssm:integration":
		return errNotSupported("PutParameter: DataType %s", dataType)
	}
	return failure(codeValidation, "The following data type is not supported: %s (Data type names are all lowercase.)",
		dataType)
}

func checkParameter(name string, in *PutParameterInput, exists bool) error {
	if err := cmp.Or(checkParameterName(name), checkDataType(in.DataType)); err != nil {
		return err
	}
	limit := MaxStandardCharacters
	if in.Tier == "Advanced" || in.Tier == "Intelligent-Tiering" {
		limit = MaxAdvancedCharacters
	}
	switch {
	case in.Value == "":
		return errConstraint("", "value", "Member must have length greater than or equal to 1")
	case in.Overwrite && len(in.Tags) > 0:
		return failure(codeValidation,
			"Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove "+
				"overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case exists && !in.Overwrite:
		return failure("ParameterAlreadyExists",
			"The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case in.Type == "" && !exists:
		return failure(codeValidation, "A parameter type is required when you create a parameter.")
	case in.Type != "" && in.Type != "String" && in.Type != "StringList" && in.Type != "SecureString":
		return errConstraint(in.Type, "type", "Member must satisfy enum value set: [SecureString, StringList, String]")
	case utf8.RuneCountInString(in.Value) > limit && limit == MaxStandardCharacters:
		return failure(codeValidation,
			"Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter "+
				"value, upgrade the parameter to use the advanced-parameter tier. For more information, see "+
				"https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html")
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
		return failure("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s",
			in.AllowedPattern)
	}
	return nil
}
