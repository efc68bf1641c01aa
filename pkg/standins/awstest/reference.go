package awstest

import (
	"encoding/base64"
	"encoding/json"
)

const secretReference = "/aws/reference/secretsmanager/"

// secret returns the parameter that a reference to a secret names.
func (p *ParameterStore) secret(reference, name string, decrypt bool) (*Parameter, error) {
	if !decrypt {
		return nil, failure(codeValidation, "WithDecryption flag must be True for retrieving a Secret Manager secret.")
	}
	if p.config.Secrets == nil {
		return nil, errParameterNotFound()
	}
	got, err := p.config.Secrets.GetSecretValue(&GetSecretValueInput{SecretId: name})
	if err != nil {
		return nil, failure("ParameterNotFound",
			"An error occurred (%s) when referencing Secrets Manager: Secret %s not found.", codeOf(err), name)
	}
	source, _ := json.Marshal(got)
	parameter := &Parameter{Name: reference, Type: "SecureString", SourceResult: string(source),
		LastModifiedDate: got.CreatedDate, ARN: got.ARN, DataType: "text"}
	if got.SecretString != nil {
		parameter.Value = *got.SecretString
	} else {
		parameter.Value = base64.StdEncoding.EncodeToString(got.SecretBinary)
	}
	return parameter, nil
}
