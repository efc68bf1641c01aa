package ssmsource_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/ssmsource"
)

// service answers what a test sets, and records what it was asked.
type service struct {
	input  *ssm.GetParameterInput
	output *ssm.GetParameterOutput
	err    error
}

func (s *service) GetParameter(_ context.Context, in *ssm.GetParameterInput,
	_ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	s.input = in
	return s.output, s.err
}

func TestReadsTheReferenceDecrypted(t *testing.T) {
	s := &service{output: &ssm.GetParameterOutput{Parameter: &types.Parameter{Value: aws.String(`{"apiToken":"x"}`)}}}
	text, err := ssmsource.New(s, "engage/token")(t.Context())
	if err != nil || text.Reveal() != `{"apiToken":"x"}` {
		t.Errorf("fetched %q, %v", text.Reveal(), err)
	}
	if *s.input.Name != "/aws/reference/secretsmanager/engage/token" || !aws.ToBool(s.input.WithDecryption) {
		t.Errorf("asked for %s, decrypted %v", *s.input.Name, aws.ToBool(s.input.WithDecryption))
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	tests := map[string]struct {
		service *service
		want    error
		text    string
	}{
		"no such secret": {&service{err: &smithy.GenericAPIError{Code: "ParameterNotFound"}}, tokensource.ErrNotFound,
			"check the secret's name"},
		"not permitted": {&service{err: &smithy.GenericAPIError{Code: "AccessDeniedException"}}, tokensource.ErrDenied,
			"ssm:GetParameter"},
		"nothing in it": {&service{output: &ssm.GetParameterOutput{}}, tokensource.ErrNotFound, "engage/token"},
		"throttled":     {&service{err: &smithy.GenericAPIError{Code: "ThrottlingException"}}, nil, "ThrottlingException"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ssmsource.New(test.service, "engage/token")(t.Context())
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, want %v with %q", err, test.want, test.text)
			}
		})
	}
}
