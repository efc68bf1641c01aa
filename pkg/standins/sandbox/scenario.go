package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// Scenario is something that goes wrong, to see how the product and its alarms react.
type Scenario string

// The scenarios.
const (
	ScenarioNone             Scenario = "none"
	ScenarioDeleteFailing    Scenario = "delete-failing"
	ScenarioVendorDown       Scenario = "vendor-down"
	ScenarioVendorSlow       Scenario = "vendor-slow"
	ScenarioVendorHTML       Scenario = "vendor-html"
	ScenarioLoginRefused     Scenario = "login-refused"
	ScenarioRateLimited      Scenario = "rate-limited"
	ScenarioCreateUnanswered Scenario = "create-unanswered"
	ScenarioDeadToken        Scenario = "dead-token"
	ScenarioLedgerDenied     Scenario = "ledger-denied"
	ScenarioPutDenied        Scenario = "put-denied"
	ScenarioUnclaimed        Scenario = "unclaimed"
	ScenarioOldToken         Scenario = "old-token"
)

// scenario describes a Scenario.
type scenario struct {
	meaning string
	// metric is the metric that reports the scenario to operators, if any.
	metric string
	// engage and aws break calls; begin changes the state of the stand-ins. Any may be nil.
	engage engageHook
	aws    func(call awstest.Call) awstest.Action
	begin  func(ctx context.Context, s *Sandbox) error
	// timeout is that of the functions, if Config does not say; 0 means a minute.
	timeout time.Duration

	// What Demo expects.
	//
	// fails: rotations fail, and the current token stays. resumes: when the scenario is over, the
	// service's next attempt at the failed rotation succeeds at once.
	fails, resumes bool
	// undeleted: previous tokens live on, recorded as retiring.
	undeleted bool
	// unclaimed returns how many unclaimed tokens a later sweep reports after the rotations.
	unclaimed func(rotations int) int
}

// activeScenario is the current scenario.
type activeScenario struct {
	scenario
	name   Scenario
	struck sync.Map // versions of which a creation was struck
}

var scenarios = map[Scenario]scenario{
	ScenarioNone: {meaning: "nothing goes wrong"},
	ScenarioDeleteFailing: {
		meaning: "the vendor answers every deletion with 500: rotations succeed, previous tokens live on",
		metric:  telemetry.DeleteFailed,
		engage: answerTo(engagetest.OpDelete,
			func() *engagetest.Fault { return engagetest.Status(http.StatusInternalServerError) }),
		undeleted: true,
	},
	ScenarioVendorDown: {
		meaning: "the vendor answers everything with 503: rotations fail, the current token stays",
		metric:  telemetry.RotationFailed,
		engage:  answerTo("", func() *engagetest.Fault { return engagetest.Status(http.StatusServiceUnavailable) }),
		fails:   true,
	},
	ScenarioVendorSlow: {
		meaning: "the vendor takes two seconds for each answer: rotations are slow, and succeed",
		metric:  telemetry.RotationDurationMs,
		engage:  answerTo("", func() *engagetest.Fault { return engagetest.Delay(2 * time.Second) }),
	},
	ScenarioVendorHTML: {
		meaning: "a proxy answers everything with a web page and status 200: rotations fail, the current token stays",
		metric:  telemetry.RotationFailed,
		engage:  answerTo("", func() *engagetest.Fault { return engagetest.Respond(engagetest.HTML(http.StatusOK)) }),
		fails:   true,
	},
	ScenarioLoginRefused: {
		meaning: "the password was changed at the vendor, but not in the secret: rotations fail, the current token stays",
		metric:  telemetry.RotationFailed,
		engage:  refuseLogins(func() *engagetest.Fault { return engagetest.Status(http.StatusUnauthorized) }),
		fails:   true,
	},
	ScenarioRateLimited: {
		meaning: "the vendor answers logins with 429 and Retry-After: 30: rotations fail, the current token stays",
		metric:  telemetry.RotationFailed,
		engage:  refuseLogins(func() *engagetest.Fault { return engagetest.Respond(engagetest.TooManyRequests("30")) }),
		fails:   true,
	},
	ScenarioCreateUnanswered: {
		meaning: "the answer of each rotation's first creation is lost: the next attempt creates another token, " +
			"and a later sweep reports the lost one as unclaimed",
		metric: telemetry.RotationFailed,
		engage: loseFirstCreation,

		unclaimed: func(rotations int) int { return rotations },
	},
	ScenarioDeadToken: {
		meaning: "each new token is deleted before it is tested: rotations fail and keep AWSPENDING, because a token " +
			"younger than two minutes is never taken for dead; the current token stays",
		metric:  telemetry.RotationFailed,
		engage:  deleteBeforeTest,
		timeout: 5 * time.Second, // testSecret waits for the token as long as it can
		fails:   true,
	},
	ScenarioLedgerDenied: {
		meaning: "the function may not write parameters: nothing is created, and rotations fail",
		metric:  telemetry.RotationFailed,
		aws:     deny("PutParameter"),
		fails:   true,
		resumes: true,
	},
	ScenarioPutDenied: {
		meaning: "the function may not put the new value: rotations fail, and the new token is kept; " +
			"the next attempt that may put it does",
		metric:  telemetry.RotationFailed,
		aws:     deny("PutSecretValue"),
		fails:   true,
		resumes: true,
	},
	ScenarioUnclaimed: {
		meaning: "two tokens appeared around a crashed creation two hours ago, and neither has a record: " +
			"a sweep reports both as unclaimed",
		metric:    telemetry.UnclaimedTokens,
		begin:     beginUnclaimed,
		unclaimed: func(int) int { return crashedTokens },
	},
	ScenarioOldToken: {
		meaning: "the secret holds a token of a hundred days ago, and nothing has rotated it since",
		metric:  telemetry.TokenAgeSeconds,
		begin:   beginOldToken,
	},
}

// Scenarios returns the names, sorted.
func Scenarios() []Scenario {
	var names []Scenario
	for name := range scenarios {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Meaning returns one sentence about what happens.
func (s Scenario) Meaning() string { return scenarios[s].meaning }

// Metric returns the metric that reports the scenario to operators, or "" if the product handles it
// alone.
func (s Scenario) Metric() string { return scenarios[s].metric }

// SetScenario ends the current scenario and begins another. State that a scenario has made stays.
// The next invocations start new processes: a warm one would use the session of an earlier login,
// and settings that it has read.
func (s *Sandbox) SetScenario(ctx context.Context, name Scenario) error {
	chosen, ok := scenarios[name]
	if !ok {
		return fmt.Errorf("sandbox: unknown scenario %q; use one of %v", name, Scenarios())
	}
	s.scenario.Store(&activeScenario{scenario: chosen, name: name})
	for _, f := range s.functions {
		f.Renew()
	}
	if chosen.begin == nil {
		return nil
	}
	if err := chosen.begin(ctx, s); err != nil {
		return fmt.Errorf("begin scenario %s: %w", name, err)
	}
	return nil
}

// engageFault is the fault hook of the vendor's stand-in.
func (s *Sandbox) engageFault(call engagetest.Call) *engagetest.Fault {
	if fault := s.strikeEngage(call); fault != nil {
		return fault
	}
	active := s.scenario.Load()
	if active == nil || active.engage == nil {
		return nil
	}
	return active.engage(active, s.services.Load(), call)
}

// awsFault is the fault hook of the AWS stand-in. It breaks only calls of functions.
func (s *Sandbox) awsFault(call awstest.Call) awstest.Action {
	if action, struck := s.strikeAWS(call); struck {
		return action
	}
	active := s.scenario.Load()
	if active == nil || active.aws == nil || !strings.HasPrefix(call.Caller, callerOf("")) || call.Caller == callerUser {
		return awstest.Action{}
	}
	return active.aws(call)
}

type engageHook = func(*activeScenario, *services, engagetest.Call) *engagetest.Fault

// answerTo answers all calls of an operation, or of all operations, with a fault.
func answerTo(operation engagetest.Operation, fault func() *engagetest.Fault) engageHook {
	return func(_ *activeScenario, _ *services, call engagetest.Call) *engagetest.Fault {
		if call.Stage != engagetest.Before || operation != "" && call.Operation != operation {
			return nil
		}
		return fault()
	}
}

func refuseLogins(fault func() *engagetest.Fault) engageHook {
	return func(_ *activeScenario, _ *services, call engagetest.Call) *engagetest.Fault {
		switch call.Operation {
		case engagetest.OpLogin, engagetest.OpExchange, engagetest.OpRefresh:
			if call.Stage == engagetest.Before {
				return fault()
			}
		}
		return nil
	}
}

// loseFirstCreation loses the answer of the first creation for each pending version.
func loseFirstCreation(a *activeScenario, sv *services, call engagetest.Call) *engagetest.Fault {
	if call.Operation != engagetest.OpCreate || call.Stage != engagetest.After {
		return nil
	}
	if _, struck := a.struck.LoadOrStore(sv.pending(), true); struck {
		return nil
	}
	return engagetest.Drop()
}

// deleteBeforeTest deletes a token when it is first used for a list call.
func deleteBeforeTest(_ *activeScenario, sv *services, call engagetest.Call) *engagetest.Fault {
	if call.Operation != engagetest.OpList || call.Stage != engagetest.Before || call.Auth != "x-auth-token" {
		return nil
	}
	for _, text := range sv.engage.Tokens(sv.user.Username) {
		if fingerprint(text) == call.Fingerprint && fingerprint(text) != sv.fingerprintOf(awstest.StageCurrent) {
			sv.engage.DeleteToken(text)
		}
	}
	return nil
}

func deny(action string) func(awstest.Call) awstest.Action {
	return func(call awstest.Call) awstest.Action {
		if call.Action != action {
			return awstest.Action{}
		}
		return awstest.Action{Before: awstest.Fail(&awstest.APIError{
			Code: "AccessDeniedException", Message: "User is not authorized to perform: " + call.Service + ":" + action,
		})}
	}
}
