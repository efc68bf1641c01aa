package awstest_test

// motoDifferences are the scenarios that moto does not pass, each with what moto does. A scenario's
// facts are from AWS's documentation and from recordings of the service, so that moto is the
// exception. They are those of moto 5.2.
var motoDifferences = map[string]string{
	"client errors have status 400":                               "ResourceNotFoundException has status 404",
	"the same token with another value is refused for AWSPENDING": "a pending value is overwritten",
	"a value has at most 64 KiB":                                  "any length is taken",
	"an unattached label is not found":                            "the message is that of an unknown secret",
	"versions without a label are hidden unless asked for":        "they are always listed",
	"a read without a label reads AWSCURRENT": "it reads the version that was current before " +
		"the move",
	"a move to an unknown version is refused": "it is refused after the label was taken away",
	"AWSCURRENT cannot be removed":            "it can",
	"a new AWSCURRENT takes AWSPENDING from the old one": "after a move of AWSCURRENT the next value " +
		"leaves the label on two versions",
	"labels come sorted":             "they come as they were given",
	"a secret has at most 20 labels": "any number is taken",
	"rotation needs a function": "without one a new version becomes AWSCURRENT at " +
		"once",
	"a rotation begins with an empty AWSPENDING version": "the function must exist in moto, and its steps " +
		"run before RotateSecret answers",
	"PutSecretValue fills the empty version":                         "no rotation begins without a function inside moto",
	"an incomplete rotation blocks the next":                         "no rotation begins without a function inside moto",
	"a write by hand abandons the rotation":                          "no rotation begins without a function inside moto",
	"an ARN without suffix fails for a name that ends like a suffix": "it is found",
	"a name has a fixed alphabet":                                    "any name is taken",
	"the name of a deleted secret is taken": "the error is ResourceExistsException, as for a " +
		"secret in use",
	"reserved names are refused":                       "/AWS-parameter is a ValidationException",
	"a standard parameter has at most 4096 characters": "any length is taken",
	"a path must begin with a slash":                   "a name may have slashes and not begin with one",
	"a SecureString is shown only decrypted":           "the undecrypted value is the plain text behind a prefix",

	"a secret without a value has no version":                   "the message is that of an unknown secret",
	"a deleted secret takes no tags":                            "it takes them",
	"LastAccessedDate is a day and absent until the first read": "it is always absent",
	"an invalid name is refused by each operation":              "it is not found, or a server error",
	"a name has at most 512 characters":                         "any length is taken",
	"a list can be reversed":                                    "SortOrder is ignored",
	"a filter needs a known key and a value":                    "a filter without a value is taken",
	"a name of one level is the same with a slash and without": "the answer has the name as it was created, " +
		"not as it was asked for",
	"a path has no empty level":                                "it is taken, or not found",
	"a parameter refers to a secret":                           "name and ARN are not the service's",
	"SourceResult is the answer of Secrets Manager":            "it is the answer of DescribeSecret",
	"a reference selects a version by id or label":             "the name is not the service's, the selector is missing",
	"a reference to an unknown secret or version is not found": "the messages differ",
	"a malformed selector is refused before anything else":     "the decryption is checked first",
	"a reference to a secret that is to be deleted is invalid": "it is not found",
	"a reference to a binary secret has no value":              "a server error",
	"a batch lists the references that it cannot answer":       "the batch fails",
	"parameters are searched below a path":                     "GetParametersByPath takes any path",
}
