package awstest

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// GetParametersInput is the request of GetParameters: up to 10 names.
type GetParametersInput struct {
	Names          []string
	WithDecryption bool
}

// GetParametersOutput is the answer of GetParameters.
type GetParametersOutput struct {
	Parameters        []Parameter
	InvalidParameters []string
}

// GetParameters reads up to 10 parameters; it leaves out unknown names and repetitions.
func (p *ParameterStore) GetParameters(in *GetParametersInput) (*GetParametersOutput, error) {
	if err := checkBatch(in.Names); err != nil {
		return nil, err
	}
	if err := p.throttle.take("GetParameters"); err != nil {
		return nil, err
	}
	out := &GetParametersOutput{Parameters: []Parameter{}, InvalidParameters: []string{}}
	for i, name := range in.Names {
		if slices.Contains(in.Names[:i], name) {
			continue
		}
		got, err := p.get(name, in.WithDecryption)
		if err != nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		out.Parameters = append(out.Parameters, *got)
	}
	return out, nil
}

func checkBatch(names []string) error {
	if len(names) < 1 || len(names) > 10 {
		return errConstraint("["+strings.Join(names, ", ")+"]", "names",
			"Member must have length less than or equal to 10")
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
	if err := checkPath(in.Path); err != nil {
		return nil, err
	}
	prefix := strings.TrimRight(in.Path, "/") + "/"
	paths := []string{}
	for i := sort.SearchStrings(p.paths, prefix); i < len(p.paths) && strings.HasPrefix(p.paths[i], prefix); i++ {
		if in.Recursive || !strings.Contains(p.paths[i][len(prefix):], "/") {
			paths = append(paths, p.paths[i])
		}
	}
	if p.config.EmptyPages && in.NextToken == "" && len(paths) > 0 {
		return &ParametersPage{Parameters: []Parameter{}, NextToken: "0"}, nil
	}
	page, next, err := paginate(paths, in.MaxResults, in.NextToken, 10, errParameterToken)
	if err != nil {
		return nil, err
	}
	out := &ParametersPage{Parameters: []Parameter{}, NextToken: next}
	for _, path := range page {
		out.Parameters = append(out.Parameters, p.show(p.byPath[path].latest(), in.WithDecryption))
	}
	return out, nil
}

var searchPath = regexp.MustCompile(`^(/|(/[A-Za-z0-9_.-]+)+/?)$`)

// checkPath checks a path below which parameters are searched.
func checkPath(path string) error {
	if searchPath.MatchString(path) {
		return nil
	}
	return failure(codeValidation,
		`The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash `+
			`"/". It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the `+
			`following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, `+
			`if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`)
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
	path := p.path(name)
	if p.byPath[path] == nil {
		return false
	}
	p.advanced -= p.byPath[path].advanced()
	delete(p.byPath, path)
	at := sort.SearchStrings(p.paths, path)
	p.paths = slices.Delete(p.paths, at, at+1)
	return true
}

// ParameterNamesInput is the request of DeleteParameters: up to 10 names.
type ParameterNamesInput struct{ Names []string }

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
	if err := checkBatch(in.Names); err != nil {
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
	found := p.find(in.Name)
	if found == nil {
		return nil, errParameterNotFound()
	}
	page, next, err := paginate(slices.Clone(found.versions), in.MaxResults, in.NextToken, 50, errParameterToken)
	if err != nil {
		return nil, err
	}
	for i := range page {
		page[i].Value, page[i].Labels = page[i].shown(in.WithDecryption), []string{}
	}
	return &HistoryOutput{Parameters: page, NextToken: next}, nil
}

// AddTagsInput is the request of AddTagsToResource.
type AddTagsInput struct {
	ResourceType string
	ResourceId   string
	Tags         []Tag
}

// RemoveTagsInput is the request of RemoveTagsFromResource.
type RemoveTagsInput struct {
	ResourceType string
	ResourceId   string
	TagKeys      []string
}

// ListTagsInput is the request of ListTagsForResource.
type ListTagsInput struct {
	ResourceType string
	ResourceId   string
}

// ListTagsOutput is the answer of ListTagsForResource.
type ListTagsOutput struct{ TagList []Tag }

// AddTagsToResource sets tags of a parameter.
func (p *ParameterStore) AddTagsToResource(in *AddTagsInput) (*Nothing, error) {
	if err := p.throttle.take("AddTagsToResource"); err != nil {
		return nil, err
	}
	keys := make([]string, len(in.Tags))
	for i, tag := range in.Tags {
		keys[i] = tag.Key
	}
	return nil, p.retag(in.ResourceType, in.ResourceId, keys, in.Tags)
}

// RemoveTagsFromResource removes tags of a parameter.
func (p *ParameterStore) RemoveTagsFromResource(in *RemoveTagsInput) (*Nothing, error) {
	if err := p.throttle.take("RemoveTagsFromResource"); err != nil {
		return nil, err
	}
	return nil, p.retag(in.ResourceType, in.ResourceId, in.TagKeys, nil)
}

// retag removes the tags of some keys, and then adds others.
func (p *ParameterStore) retag(kind, id string, remove []string, add []Tag) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, err := p.resource(kind, id)
	if err != nil {
		return err
	}
	found.tags = slices.DeleteFunc(found.tags, func(tag Tag) bool { return slices.Contains(remove, tag.Key) })
	found.tags = append(found.tags, add...)
	return nil
}

// resource returns the parameter that carries tags.
func (p *ParameterStore) resource(kind, id string) (*parameter, error) {
	if kind != "Parameter" {
		return nil, errNotSupported("ResourceType %q", kind)
	}
	if found := p.find(id); found != nil {
		return found, nil
	}
	return nil, failure("InvalidResourceId", "The resource ID isn't valid: %s", strconv.Quote(id))
}

// ListTagsForResource lists the tags of a parameter.
func (p *ParameterStore) ListTagsForResource(in *ListTagsInput) (*ListTagsOutput, error) {
	if err := p.throttle.take("ListTagsForResource"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found, err := p.resource(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	return &ListTagsOutput{TagList: append([]Tag{}, found.tags...)}, nil
}
