package awstest

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// ParameterNamesInput is the request of GetParameters and DeleteParameters: up to 10 names.
type ParameterNamesInput struct {
	Names          []string
	WithDecryption bool
}

// GetParametersOutput is the answer of GetParameters.
type GetParametersOutput struct {
	Parameters        []Parameter
	InvalidParameters []string
}

// GetParameters reads up to 10 parameters; it leaves out unknown names.
func (p *ParameterStore) GetParameters(in *ParameterNamesInput) (*GetParametersOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	out := &GetParametersOutput{Parameters: []Parameter{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		got, err := p.GetParameter(&GetParameterInput{Name: name, WithDecryption: in.WithDecryption})
		if err != nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		out.Parameters = append(out.Parameters, got.Parameter)
	}
	return out, nil
}

func (in *ParameterNamesInput) check() error {
	if len(in.Names) < 1 || len(in.Names) > 10 {
		return errConstraint("["+strings.Join(in.Names, ", ")+"]", "names",
			"Member must have length less than or equal to 10")
	}
	for i, name := range in.Names {
		if slices.Contains(in.Names[:i], name) {
			return failure(codeValidation, "Duplicate name %s is not allowed.", name)
		}
	}
	return nil
}

// GetParametersByPathInput is the request of GetParametersByPath.
type GetParametersByPathInput struct {
	Path           string
	Recursive      bool
	WithDecryption bool
	MaxResults     int
	NextToken      string
}

// ParametersPage is the answer of GetParametersByPath. It may be empty and still carry a NextToken.
type ParametersPage struct {
	Parameters []Parameter
	NextToken  string `json:",omitempty"`
}

// GetParametersByPath lists the parameters under a path, by name, 10 to a page.
func (p *ParameterStore) GetParametersByPath(in *GetParametersByPathInput) (*ParametersPage, error) {
	if err := p.throttle.take("GetParametersByPath"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !strings.HasPrefix(in.Path, "/") {
		return nil, failure(codeValidation,
			`The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash `+
				`"/". It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the `+
				`following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, `+
				`if specified, must use the forward slash symbol "/".`)
	}
	prefix := strings.TrimRight(in.Path, "/") + "/"
	names := []string{}
	for i := sort.SearchStrings(p.names, prefix); i < len(p.names) && strings.HasPrefix(p.names[i], prefix); i++ {
		if in.Recursive || !strings.Contains(p.names[i][len(prefix):], "/") {
			names = append(names, p.names[i])
		}
	}
	if p.config.EmptyPages && in.NextToken == "" && len(names) > 0 {
		return &ParametersPage{Parameters: []Parameter{}, NextToken: "0"}, nil
	}
	page, next, err := paginate(names, in.MaxResults, in.NextToken, 10, errParameterToken)
	if err != nil {
		return nil, err
	}
	out := &ParametersPage{Parameters: []Parameter{}, NextToken: next}
	for _, name := range page {
		out.Parameters = append(out.Parameters, p.show(p.byName[name].latest(), in.WithDecryption))
	}
	return out, nil
}

func errParameterToken() *APIError {
	return failure("InvalidNextToken", "The specified token isn't valid.")
}

// ParameterNameInput is the request of DeleteParameter.
type ParameterNameInput struct{ Name string }

// DeleteParameter deletes a parameter. An unknown name is ParameterNotFound.
func (p *ParameterStore) DeleteParameter(in *ParameterNameInput) (*Nothing, error) {
	if err := p.throttle.take("DeleteParameter"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.remove(in.Name) {
		return nil, errParameterNotFound()
	}
	return nil, nil
}

func (p *ParameterStore) remove(name string) bool {
	name = p.plainName(name)
	if p.byName[name] == nil {
		return false
	}
	delete(p.byName, name)
	at := sort.SearchStrings(p.names, name)
	p.names = slices.Delete(p.names, at, at+1)
	return true
}

// DeleteParametersOutput is the answer of DeleteParameters.
type DeleteParametersOutput struct {
	DeletedParameters []string
	InvalidParameters []string
}

// DeleteParameters deletes up to 10 parameters; it leaves out unknown names.
func (p *ParameterStore) DeleteParameters(in *ParameterNamesInput) (*DeleteParametersOutput, error) {
	if err := p.throttle.take("DeleteParameters"); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := &DeleteParametersOutput{DeletedParameters: []string{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		if p.remove(name) {
			out.DeletedParameters = append(out.DeletedParameters, name)
		} else {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

// ParameterFilter selects parameters in DescribeParameters: Key is Name, Type or Path; Option is
// Equals, BeginsWith, Contains, OneLevel or Recursive.
type ParameterFilter struct {
	Key    string
	Option string
	Values []string
}

// DescribeParametersInput is the request of DescribeParameters.
type DescribeParametersInput struct {
	ParameterFilters []ParameterFilter
	MaxResults       int
	NextToken        string
}

// HistoryOutput is the answer of DescribeParameters (without values) and of GetParameterHistory.
type HistoryOutput struct {
	Parameters []ParameterVersion
	NextToken  string `json:",omitempty"`
}

// DescribeParameters lists parameters without their values, by name.
func (p *ParameterStore) DescribeParameters(in *DescribeParametersInput) (*HistoryOutput, error) {
	if err := p.throttle.take("DescribeParameters"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found := []ParameterVersion{}
	for _, name := range p.names {
		latest := *p.byName[name].latest()
		latest.Value = ""
		matches := true
		for _, filter := range in.ParameterFilters {
			ok, err := filter.matches(&latest)
			if err != nil {
				return nil, err
			}
			matches = matches && ok
		}
		if matches {
			found = append(found, latest)
		}
	}
	page, next, err := paginate(found, in.MaxResults, in.NextToken, 50, errParameterToken)
	if err != nil {
		return nil, err
	}
	return &HistoryOutput{Parameters: page, NextToken: next}, nil
}

func (f ParameterFilter) matches(v *ParameterVersion) (bool, error) {
	text := v.Name
	switch f.Key {
	case "Type":
		text = v.Type
	case "Name", "Path":
	default:
		return false, failure("InvalidFilterKey", "The specified filter key %s isn't supported here.", f.Key)
	}
	return slices.ContainsFunc(f.Values, func(want string) bool {
		switch {
		case f.Key == "Path":
			rest, below := strings.CutPrefix(text, strings.TrimRight(want, "/")+"/")
			return below && (f.Option == "Recursive" || !strings.Contains(rest, "/"))
		case f.Option == "BeginsWith":
			return strings.HasPrefix(text, want)
		case f.Option == "Contains":
			return strings.Contains(text, want)
		}
		return text == want
	}), nil
}

// GetParameterHistoryInput is the request of GetParameterHistory.
type GetParameterHistoryInput struct {
	Name           string
	WithDecryption bool
	MaxResults     int
	NextToken      string
}

// GetParameterHistory lists the versions of a parameter, the oldest first.
func (p *ParameterStore) GetParameterHistory(in *GetParameterHistoryInput) (*HistoryOutput, error) {
	if err := p.throttle.take("GetParameterHistory"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.byName[p.plainName(in.Name)]
	if found == nil {
		return nil, errParameterNotFound()
	}
	page, next, err := paginate(slices.Clone(found.versions), in.MaxResults, in.NextToken, 50, errParameterToken)
	if err != nil {
		return nil, err
	}
	for i := range page {
		page[i].Value = page[i].shown(in.WithDecryption)
	}
	return &HistoryOutput{Parameters: page, NextToken: next}, nil
}

// ParameterTagsInput is the request of AddTagsToResource, RemoveTagsFromResource and
// ListTagsForResource.
type ParameterTagsInput struct {
	ResourceType string
	ResourceId   string
	Tags         []Tag
	TagKeys      []string
}

// ParameterTagsOutput is the answer of ListTagsForResource.
type ParameterTagsOutput struct{ TagList []Tag }

// AddTagsToResource sets tags of a parameter.
func (p *ParameterStore) AddTagsToResource(in *ParameterTagsInput) (*Nothing, error) {
	if err := p.throttle.take("AddTagsToResource"); err != nil {
		return nil, err
	}
	return nil, p.retag(in, in.Tags)
}

// RemoveTagsFromResource removes tags of a parameter.
func (p *ParameterStore) RemoveTagsFromResource(in *ParameterTagsInput) (*Nothing, error) {
	if err := p.throttle.take("RemoveTagsFromResource"); err != nil {
		return nil, err
	}
	return nil, p.retag(in, nil)
}

func (p *ParameterStore) retag(in *ParameterTagsInput, add []Tag) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.byName[p.plainName(in.ResourceId)]
	if found == nil || in.ResourceType != "Parameter" {
		return failure("InvalidResourceId", "The resource ID isn't valid: %s", strconv.Quote(in.ResourceId))
	}
	found.tags = slices.DeleteFunc(found.tags, func(tag Tag) bool {
		return slices.Contains(in.TagKeys, tag.Key) ||
			slices.ContainsFunc(add, func(other Tag) bool { return other.Key == tag.Key })
	})
	found.tags = append(found.tags, add...)
	return nil
}

// ListTagsForResource lists the tags of a parameter.
func (p *ParameterStore) ListTagsForResource(in *ParameterTagsInput) (*ParameterTagsOutput, error) {
	if err := p.throttle.take("ListTagsForResource"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.byName[p.plainName(in.ResourceId)]
	if found == nil {
		return nil, failure("InvalidResourceId", "The resource ID isn't valid: %s", strconv.Quote(in.ResourceId))
	}
	return &ParameterTagsOutput{TagList: append([]Tag{}, found.tags...)}, nil
}
