package awstest

import (
	"context"
	"time"
)

// The staging labels that the service defines.
const (
	StageCurrent  = "AWSCURRENT"
	StagePending  = "AWSPENDING"
	StagePrevious = "AWSPREVIOUS"
)

// Limits of Secrets Manager.
const (
	MaxSecretBytes    = 65536
	MaxStagingLabels  = 20
	MinTokenLength    = 32
	MaxTokenLength    = 64
	maxSecretName     = 512
	maxSecretID       = 2048 // of a function's ARN too
	maxPlainVersions  = 100
	defaultRetention  = 24*time.Hour + time.Minute
	defaultRecovery   = 30 * 24 * time.Hour
	defaultAccount    = "123456789012"
	defaultRegion     = "us-east-1"
	defaultAttempts   = 3
	defaultRetryDelay = time.Second
)

// SecretsConfig configures a [SecretsManager]. Its zero value is a service without faults and
// without a rotation function.
type SecretsConfig struct {
	// Account and Region are those of the ARNs. Empty means 123456789012 and us-east-1.
	Account, Region string
	// Now is the clock; nil means time.Now. It is called with the service's lock held: it must not
	// call back.
	Now func() time.Time
	// NewID makes version ids, rotation tokens and the suffixes of ARNs; nil means random UUIDs. A
	// simulation uses a generator of its own, so that a seed replays. It must return 36 to 64
	// characters of [A-Za-z0-9-], never the same twice. It is called with the lock held.
	NewID func() string
	// DeprecatedRetention is how long a version without a label stays once there are more than 100
	// versions. 0 means 24 hours and a minute: the service promises at least 24 hours. Negative prunes
	// such versions at once, however few there are.
	DeprecatedRetention time.Duration
	// Rates limit how often operations are called, by Now; nil means no limit. [SecretsRates] are
	// AWS's. Rotations that [SecretsManager.BeginRotation] or a schedule begins are not counted.
	Rates []Rate
	// History is the number of earlier states of a secret that are kept for stale reads. 0 keeps none,
	// in a [Server] 4.
	History int

	// Invoke calls a rotation function and waits for it, as the service invokes Lambda. An error is a
	// failed step. Nil means that no rotation runs by itself: the caller drives them (see
	// [SecretsManager.BeginRotation]). It is called from one goroutine for each rotation.
	Invoke func(ctx context.Context, functionARN string, payload []byte) (answer []byte, err error)
	// MayInvoke reports whether the function's policy lets the service invoke it; nil means yes.
	// RotateSecret calls it.
	MayInvoke func(functionARN string) bool
	// Attempts is how often a failing rotation is run with the same token. 0 means 3. AWS says
	// "several times".
	Attempts int
	// RetryDelay is the pause between the attempts. 0 means a second, negative none. AWS documents no
	// time.
	RetryDelay time.Duration
	// Sleep waits for d or until ctx is done; nil means a real timer (virtual in a synctest bubble).
	Sleep func(ctx context.Context, d time.Duration) error
	// Events receives the events of rotations and of labels that moved, outside the lock: it may call
	// back, and may be called concurrently. Nil drops them.
	Events func(Event)

	// OmitRotationToken leaves RotationToken out of the events that functions get.
	OmitRotationToken bool
	// RequireRotationToken treats a write of the pending version without RotationToken as another
	// caller's.
	RequireRotationToken bool
	// FunctionCaller names the caller (see [PutSecretValueInput.Caller]) as which the rotation
	// function writes. When set, a write by another caller without the right RotationToken counts as
	// another caller's. Nil trusts any writer that knows the ClientRequestToken, unless its
	// RotationToken is wrong.
	FunctionCaller func(functionARN string) string
	// EmptyTestVersion leaves the AWSPENDING version of RotateImmediately=false without a value,
	// instead of giving it the current one. Sources differ about the service.
	EmptyTestVersion bool
	// RetryUnlabelled repeats a rotation even if its version lost AWSPENDING in a failed step. By
	// default such a rotation ends, and the next one starts afresh. AWS documents neither.
	RetryUnlabelled bool
	// KeepPending leaves AWSPENDING on the version that a successful rotation made current. By default
	// the service clears it. Recordings show both.
	KeepPending bool
	// ReplayMoves lets UpdateSecretVersionStage succeed when the label is already on MoveToVersionId,
	// whatever RemoveFromVersionId says. By default that is InvalidParameterException. AWS documents
	// neither.
	ReplayMoves bool
	// MinimumInterval is the shortest distance of scheduled rotations. 0 means 4 hours, as in AWS.
	// With less than an hour, rate() takes seconds and minutes too, which AWS does not.
	MinimumInterval time.Duration
}

// Timestamp is a time that JSON 1.1 writes as seconds since the epoch.
type Timestamp struct{ time.Time }

// MarshalJSON implements json.Marshaler, with milliseconds as the services write them.
func (t Timestamp) MarshalJSON() ([]byte, error) { return epochSeconds(t.Time), nil }
