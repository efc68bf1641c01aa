package awstest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ParameterFilter selects parameters in DescribeParameters: Key is Name, Type or Path; Option is
// Equals, BeginsWith or Contains for a name, Equals or BeginsWith for a type, OneLevel or Recursive
// for a path. The first one is the default.
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

// DescribeParameters lists parameters without their values, by name, 10 to a page by default.
func (p *ParameterStore) DescribeParameters(in *DescribeParametersInput) (*HistoryOutput, error) {
	if err := p.throttle.take("DescribeParameters"); err != nil {
		return nil, err
	}
	for i, filter := range in.ParameterFilters {
		if slices.ContainsFunc(in.ParameterFilters[:i], func(f ParameterFilter) bool { return f.Key == filter.Key }) {
			return nil, failure(codeValidation, "The following filter is duplicated in the request: %s. A request can contain "+
				"only one occurrence of a specific filter.", filter.Key)
		}
		if err := filter.check(i + 1); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found := []ParameterVersion{}
	for _, path := range p.paths {
		latest := *p.byPath[path].latest()
		latest.Value = ""
		if !slices.ContainsFunc(in.ParameterFilters, func(f ParameterFilter) bool { return !f.selects(&latest) }) {
			found = append(found, latest)
		}
	}
	size := in.MaxResults
	if size == 0 {
		size = 10
	}
	page, next, err := paginate(found, size, in.NextToken, 50, errParameterToken)
	if err != nil {
		return nil, err
	}
	return &HistoryOutput{Parameters: page, NextToken: next}, nil
}

const (
	optionBeginsWith = "BeginsWith"
	optionContains   = "Contains"
	optionEquals     = "Equals"
	optionOneLevel   = "OneLevel"
	optionRecursive  = "Recursive"
)

var (
	filterOptions = map[string][]string{
		"Name": {optionEquals, optionBeginsWith, optionContains},
		"Type": {optionEquals, optionBeginsWith},
		"Path": {optionOneLevel, optionRecursive},
	}
	unsupportedFilter = regexp.MustCompile(`^(tag:.+|KeyId|Label|Tier|DataType)$`)
)

// check checks the nth filter of a request.
func (f ParameterFilter) check(n int) error {
	options, supported := filterOptions[f.Key]
	switch {
	case unsupportedFilter.MatchString(f.Key):
		return errNotSupported("DescribeParameters: filter key %s", f.Key)
	case !supported:
		return errConstraint(f.Key, "parameterFilters."+strconv.Itoa(n)+".member.key",
			"Member must satisfy regular expression pattern: tag:.+|Name|Type|KeyId|Path|Label|Tier|DataType")
	case f.Option != "" && !slices.Contains(options, f.Option):
		return failure("InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [%s].",
			f.Option, strings.Join(options, ", "))
	case len(f.Values) == 0:
		return failure("InvalidFilterValue", "The following filter values are missing : null for filter key %s", f.Key)
	case f.Key != "Path":
		return nil
	}
	for _, path := range f.Values {
		if err := checkPath(path); err != nil {
			return err
		}
	}
	return nil
}

func (f ParameterFilter) selects(v *ParameterVersion) bool {
	text := "/" + strings.TrimPrefix(v.Name, "/")
	if f.Key == "Type" {
		text = v.Type
	}
	return slices.ContainsFunc(f.Values, func(want string) bool {
		if f.Key == "Name" && f.Option != optionContains {
			want = "/" + strings.TrimPrefix(want, "/")
		}
		switch {
		case f.Key == "Path":
			rest, below := strings.CutPrefix(text, strings.TrimRight(want, "/")+"/")
			return below && (f.Option == optionRecursive || !strings.Contains(rest, "/"))
		case f.Option == optionBeginsWith:
			return strings.HasPrefix(text, want)
		case f.Option == optionContains:
			return strings.Contains(text, want)
		}
		return text == want
	})
}
