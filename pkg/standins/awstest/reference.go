package awstest

import (
	"encoding/json"
	"strings"
)

const (
	secretReference = "/aws/reference/secretsmanager/"
	// referenceDate is the form of createdDate in a SourceResult.
	referenceDate = "Jan 2, 2006, 3:04:05 PM"
)

// sourceResult is the text in SourceResult: the answer of Secrets Manager, with names of its own.
type sourceResult struct {
	ARN           string
	Name          string   `json:"name"`
	VersionID     string   `json:"versionId"`
	SecretString  *string  `json:"secretString,omitempty"`
	SecretBinary  []byte   `json:"secretBinary,omitempty"`
	VersionStages []string `json:"versionStages"`
	CreatedDate   string   `json:"createdDate"`
}

// secret returns the parameter that a reference to a secret names. The reference may end in a
// version id or a staging label, after a colon. A binary secret has no Value.
func (p *ParameterStore) secret(reference string, decrypt bool) (*Parameter, error) {
	name, selector, selected := strings.Cut(strings.TrimPrefix(reference, secretReference), ":")
	switch {
	case selected && (selector == "" || strings.Contains(selector, ":")):
		return nil, errSelector()
	case !decrypt:
		return nil, failure(codeValidation, "WithDecryption flag must be True for retrieving a Secret Manager secret.")
	case p.config.Secrets == nil:
		return nil, errReferenceNotFound(name, selector)
	}
	got, err := p.config.Secrets.selected(name, selector)
	switch codeOf(err) {
	case "":
	case codeInvalidRequest: // the secret is scheduled for deletion
		return nil, failure(codeValidation, "Invalid Request to Secrets Manager")
	default:
		return nil, errReferenceNotFound(name, selector)
	}
	source, err := json.Marshal(sourceResult{ARN: got.ARN, Name: got.Name, VersionID: got.VersionId,
		SecretString: got.SecretString, SecretBinary: got.SecretBinary, VersionStages: got.VersionStages,
		CreatedDate: got.CreatedDate.UTC().Format(referenceDate)})
	if err != nil {
		return nil, err
	}
	parameter := &Parameter{Name: secretReference + name, Type: "SecureString", SourceResult: string(source),
		LastModifiedDate: got.CreatedDate, ARN: got.ARN}
	if selected {
		parameter.Selector = ":" + selector
	}
	if got.SecretString != nil {
		parameter.Value = *got.SecretString
	}
	return parameter, nil
}

// selected reads the version that a selector names: by its id, or else by a staging label.
func (s *SecretsManager) selected(name, selector string) (*GetSecretValueOutput, error) {
	got, err := s.GetSecretValue(&GetSecretValueInput{SecretId: name, VersionId: selector})
	if selector != "" && codeOf(err) == codeNotFound {
		got, err = s.GetSecretValue(&GetSecretValueInput{SecretId: name, VersionStage: selector})
	}
	return got, err
}

// errReferenceNotFound has the text that the service sends, with "null" in place of a selector that
// the reference does not have.
func errReferenceNotFound(name, selector string) *APIError {
	if selector == "" {
		selector = "null"
	} else {
		selector = ":" + selector
	}
	return failure("ParameterNotFound",
		"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret %s%s not found.",
		strings.TrimPrefix(secretReference, "/")+name, selector)
}
