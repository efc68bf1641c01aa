package awsstore

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"engage-token-rotation/pkg/ledger"
)

// Parameters calls the Parameter Store. It is safe for concurrent use.
type Parameters struct{ client *ssm.Client }

var _ ledger.Parameters = (*Parameters)(nil)

// The retries last through the throttling of PutParameter, of which an account has 3 a second, and
// end within half a minute.
const (
	maxAttempts = 8
	maxBackoff  = 4 * time.Second
)

// NewParameters returns a store that calls through a client with the configuration.
func NewParameters(config aws.Config) *Parameters {
	return &Parameters{ssm.NewFromConfig(config, func(o *ssm.Options) {
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts,
				r.MaxBackoff = maxAttempts, maxBackoff
		})
	})}
}

// Create stores a new parameter, and returns false if the name is taken.
func (s *Parameters) Create(ctx context.Context, name, value string) (bool, error) {
	err := s.put(ctx, name, value, false)
	var exists *types.ParameterAlreadyExists
	if errors.As(err, &exists) {
		return false, nil
	}
	return err == nil, ClassifyParameters("PutParameter", err)
}

// Set stores a parameter, new or not.
func (s *Parameters) Set(ctx context.Context, name, value string) error {
	return ClassifyParameters("PutParameter", s.put(ctx, name, value, true))
}

// put asks for Intelligent-Tiering: a parameter is a standard one, which costs nothing, until the
// account has 10,000 of these; further ones are advanced, at US$ 0.05 a month each. Without it a
// fleet of so many secrets could not be rotated.
func (s *Parameters) put(ctx context.Context, name, value string, overwrite bool) error {
	_, err := s.client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: types.ParameterTypeString, Overwrite: &overwrite,
		Tier: types.ParameterTierIntelligentTiering,
	})
	return err
}

// Get returns a parameter's value; ok is false if there is none.
func (s *Parameters) Get(ctx context.Context, name string) (value string, ok bool, err error) {
	out, err := s.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) {
		return "", false, nil
	}
	if err != nil {
		return "", false, ClassifyParameters("GetParameter", err)
	}
	return aws.ToString(out.Parameter.Value), true, nil
}

// List returns name and value of every parameter directly below the path.
func (s *Parameters) List(ctx context.Context, path string) (map[string]string, error) {
	return s.values(ctx, path, false)
}

// ListAll returns name and value of every parameter below the path, on all levels.
func (s *Parameters) ListAll(ctx context.Context, path string) (map[string]string, error) {
	return s.values(ctx, path, true)
}

func (s *Parameters) values(ctx context.Context, path string, recursive bool) (map[string]string, error) {
	values := map[string]string{}
	err := s.list(ctx, path, recursive, func(p types.Parameter) { values[aws.ToString(p.Name)] = aws.ToString(p.Value) })
	return values, err
}

// ListDated implements ledger.Parameters.
func (s *Parameters) ListDated(ctx context.Context, path string) (map[string]ledger.Dated, error) {
	values := map[string]ledger.Dated{}
	err := s.list(ctx, path, false, func(p types.Parameter) {
		values[aws.ToString(p.Name)] = ledger.Dated{Value: aws.ToString(p.Value), At: aws.ToTime(p.LastModifiedDate)}
	})
	return values, err
}

// list calls found for each parameter. It follows NextToken to the end: a page may be empty and
// still carry one. It does not decrypt: the ledger and the settings are no SecureStrings, and the
// functions may not use the key of one that somebody else put there.
func (s *Parameters) list(ctx context.Context, path string, recursive bool, found func(types.Parameter)) error {
	pages := ssm.NewGetParametersByPathPaginator(s.client,
		&ssm.GetParametersByPathInput{Path: &path, Recursive: &recursive})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return ClassifyParameters("GetParametersByPath", err)
		}
		for _, p := range page.Parameters {
			found(p)
		}
	}
	return nil
}

// Delete removes a parameter; an unknown name is not an error.
func (s *Parameters) Delete(ctx context.Context, name string) error {
	_, err := s.client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name})
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) {
		return nil
	}
	return ClassifyParameters("DeleteParameter", err)
}
