package simulation

import (
	"context"
	"strconv"
	"time"

	"engage-token-rotation/pkg/events"
	counter "engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/sweep"
)

// The product's types that the simulation deals with.
type (
	description = secret.Description
	version     = secret.Version
	record      = ledger.Record
	intent      = ledger.Intent
)

const (
	labelCurrent = secret.LabelCurrent
	labelPending = secret.LabelPending

	consistency = ledger.Consistency
	propagation = ledger.Propagation
	maxLogins   = counter.Max
	loginWindow = counter.Window
)

// plainSweep is the scheduled sweep's request.
var plainSweep = events.Sweep{}

// rotator is the rotation function in one process.
type rotator interface {
	Handle(context.Context, events.Rotation) (report.Step, error)
}

func noJitter() float64 { return 0.5 }

// clock returns the clock of a new process.
func (h *history) clock() func() time.Time {
	skew := h.between(-h.nature.skew/2, h.nature.skew/2)
	return func() time.Time { return time.Now().Add(skew) }
}

// settings returns what the stack's environment sets.
func (s *stack) settings() settings.Settings {
	environment := map[string]string{
		settings.EnvRetention: s.retention.String(), settings.EnvExclusiveUser: strconv.FormatBool(s.exclusive),
		settings.EnvPrefix: s.prefix,
	}
	set, err := settings.FromEnvironment(func(name string) string { return environment[name] })
	if err != nil {
		panic(err)
	}
	return set
}

// newRotator starts a process of the rotation function.
func (h *history) newRotator(s *stack) rotator {
	if h.options.yardstick {
		return &yardstick{h: h, stack: s}
	}
	return rotation.New(rotation.Config{
		Secrets: secrets{h, s}, Parameters: parameters{h, s}, Settings: s.set,
		Transport: transport{h, h.vendor.RoundTripper()}, Jitter: noJitter, Now: h.clock(),
		Attempt: func(ctx context.Context) string { return strconv.Itoa(invocationOf(ctx).id) },
	})
}

// newSweeper starts a process of the sweep function.
func (h *history) newSweeper(s *stack) *sweep.Sweeper {
	return sweep.New(sweep.Config{
		Secrets: secrets{h, s}, Parameters: parameters{h, s}, Settings: s.set,
		Transport: transport{h, h.vendor.RoundTripper()}, Jitter: noJitter, Now: h.clock(),
		RotationFunction: s.function(),
	})
}

// unclaimedIn reports whether a sweep's answer names a token as unclaimed.
func unclaimedIn(answer report.Sweep, fingerprint string) bool {
	for _, s := range answer.Secrets {
		for _, removable := range s.Unclaimed {
			if string(removable.Fingerprint) == fingerprint {
				return true
			}
		}
	}
	return false
}

// whole reports whether a sweep went well all through.
func whole(answer report.Sweep) bool { return len(answer.Faults) == 0 && len(answer.NotReached) == 0 }
