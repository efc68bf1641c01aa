// Package awstest is a stand-in for AWS Secrets Manager and the SSM Parameter Store, for tests,
// simulations and the sandbox.
//
// It has two layers. [SecretsManager] and [ParameterStore] are the services' state and rules,
// called from Go: a plain mutex, an injected clock, no goroutine unless [SecretsConfig.Invoke] is
// set, memory bounded by pruning deprecated versions; they work inside testing/synctest bubbles.
// [Server] puts both behind one HTTP endpoint that speaks JSON 1.1 as the AWS SDKs, the AWS CLI and
// boto3 do, records the calls and lets a test inject faults.
//
// Rotations run as the service runs them: RotateSecret answers at once, the new version has
// AWSPENDING and no value, four steps are invoked, a failure repeats the whole rotation with the
// same token, a write by hand abandons it. A simulation that decides itself when a step runs leaves
// Invoke nil and uses [SecretsManager.BeginRotation], [SecretsManager.CheckRotation] and
// [SecretsManager.EndRotation].
//
// It promises label moves, errors and error codes as AWS documents them or as recordings of the
// real service show them. If neither says what the service does, a field of the configuration
// decides, and its comment says so. It does not do IAM policies (there is a hook), KMS,
// replication, resource policies, and quotas other than those named in the configuration.
//
// Nothing is taken silently: an operation, a member or a kind of value that the stand-in does not
// know is the error NotSupported, which the services do not have and which names it.
//
// # Operations
//
// The members of each request, those that are refused, and where the answers are known from:
// recordings of the real service that the conformance suite restates, or AWS's documents alone.
//
//	BatchGetSecretValue: SecretIdList; refused: Filters MaxResults NextToken; documents
//	CancelRotateSecret: SecretId; documents
//	CreateSecret: ClientRequestToken Description KmsKeyId Name SecretBinary SecretString Tags;
//	    refused: AddReplicaRegions ForceOverwriteReplicaSecret Type; recordings
//	DeleteSecret: ForceDeleteWithoutRecovery RecoveryWindowInDays SecretId; recordings
//	DescribeSecret: SecretId; recordings
//	GetRandomPassword: ExcludeCharacters ExcludeLowercase ExcludeNumbers ExcludePunctuation
//	    ExcludeUppercase IncludeSpace PasswordLength RequireEachIncludedType; recordings
//	GetSecretValue: SecretId VersionId VersionStage; recordings
//	ListSecretVersionIds: IncludeDeprecated MaxResults NextToken SecretId; recordings
//	ListSecrets: Filters IncludePlannedDeletion MaxResults NextToken SortOrder; refused: SortBy;
//	    recordings
//	PutSecretValue: ClientRequestToken RotationToken SecretBinary SecretId SecretString
//	    VersionStages; recordings
//	RestoreSecret: SecretId; recordings
//	RotateSecret: ClientRequestToken RotateImmediately RotationLambdaARN RotationRules SecretId;
//	    refused: ExternalSecretRotationMetadata ExternalSecretRotationRoleArn; recordings
//	TagResource: SecretId Tags; recordings
//	UntagResource: SecretId TagKeys; recordings
//	UpdateSecret: ClientRequestToken Description KmsKeyId SecretBinary SecretId SecretString;
//	    refused: Type; recordings
//	UpdateSecretVersionStage: MoveToVersionId RemoveFromVersionId SecretId VersionStage; recordings
//	AddTagsToResource: ResourceId ResourceType Tags; recordings
//	DeleteParameter: Name; recordings
//	DeleteParameters: Names; documents
//	DescribeParameters: MaxResults NextToken ParameterFilters; refused: Filters Shared; documents
//	GetParameter: Name WithDecryption; recordings
//	GetParameterHistory: MaxResults Name NextToken WithDecryption; documents
//	GetParameters: Names WithDecryption; recordings
//	GetParametersByPath: MaxResults NextToken Path Recursive WithDecryption; refused:
//	    ParameterFilters; documents
//	ListTagsForResource: ResourceId ResourceType; recordings
//	PutParameter: AllowedPattern DataType Description KeyId Name Overwrite Tags Tier Type Value;
//	    refused: Policies; documents
//	RemoveTagsFromResource: ResourceId ResourceType TagKeys; documents
//
// Not supported are DeleteResourcePolicy, GetResourcePolicy, PutResourcePolicy,
// RemoveRegionsFromReplication, ReplicateSecretToRegions, StopReplicationToReplica,
// ValidateResourcePolicy, LabelParameterVersion, UnlabelParameterVersion, and what Systems Manager
// has besides the Parameter Store. KmsKeyId and KeyId are stored and shown, and encrypt nothing.
//
// Unknown, and decided here: how a text with several kinds of separators is split into words, and
// whether a digit begins one (see [Filter]); the errors of GetRandomPassword; the tags of a secret
// that never had one after one is removed; the burst of a [Rate]; what GetParameters answers for a
// malformed name.
package awstest
