module engage-token-rotation

go 1.26.0

toolchain go1.26.8

require (
	github.com/aws/aws-lambda-go v1.55.1 // the Lambda runtime
	github.com/aws/aws-sdk-go-v2 v1.47.8 // AWS's SDK: its configuration
	github.com/aws/aws-sdk-go-v2/config v1.33.16 // the environment of rotate and sweep
	github.com/aws/aws-sdk-go-v2/credentials v1.20.16 // the static credentials of Lambda
	github.com/aws/aws-sdk-go-v2/service/secretsmanager v1.50.11 // the secrets
	github.com/aws/aws-sdk-go-v2/service/ssm v1.82.0 // settings, ledger, count of logins
	github.com/aws/smithy-go v1.28.9 // the SDK's error types
	github.com/google/go-cmp v0.7.0 // tests: differences
	go.uber.org/goleak v1.3.0 // tests: goroutines that are left
	go.yaml.in/yaml/v3 v3.0.6 // tests: the template
	golang.org/x/time v0.16.0 // the pace of a sweep's writes
)

require (
	github.com/aws/aws-sdk-go-v2/feature/ec2/imds v1.20.8 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.11 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.11 // indirect
	github.com/aws/aws-sdk-go-v2/internal/v4a v1.5.11 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/accept-encoding v1.13.24 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/presigned-url v1.14.11 // indirect
	github.com/aws/aws-sdk-go-v2/service/signin v1.12.4 // indirect
	github.com/aws/aws-sdk-go-v2/service/sso v1.39.4 // indirect
	github.com/aws/aws-sdk-go-v2/service/ssooidc v1.44.4 // indirect
	github.com/aws/aws-sdk-go-v2/service/sts v1.51.9 // indirect
)
