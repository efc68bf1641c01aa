package faults_test

import (
	"slices"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
)

// variant is a kind of deployment in which cases take place.
type variant struct {
	name string
	flow engage.Flow
	// inline: the login fields are in the token secret itself.
	inline bool
	// first: the secret has no token yet.
	first bool
	// warm: the process has made a rotation, and keeps its session.
	warm bool
	// neighbour: another secret of the same user is rotated meanwhile, by a process of its own.
	neighbour bool
	after     aftermath
	// foreign: Secrets Manager, Parameter Store and Engage are foreign servers.
	foreign bool

	// again: bursts strike the call itself once in each repetition, instead of the following calls.
	again bool
	// bursts are the lengths to try; nil means 1.
	bursts []int
	// faults are the ones to try; nil means all.
	faults []fault
	// short: in the short matrix too.
	short bool

	services func(testing.TB) services
}

// aftermath is what follows the struck attempt, before the clean rotation.
type aftermath int

const (
	afterRetry     aftermath = iota // the service repeats the rotation
	afterCancel                     // no repetition; an operator removes AWSPENDING
	afterSweep                      // no repetition; a sweep runs
	afterLateSweep                  // no repetition; a sweep runs when the invocation's time is over
)

var (
	onceAndSix = []int{1, 6}
	harshest   = []fault{lostAfter, killedAfter}
)

var variants = []variant{
	{flow: engage.FlowEngage, name: "later", short: true},
	{flow: engage.FlowRingCentral, name: "short", inline: true, first: true, short: true, faults: harshest},
	{flow: engage.FlowLegacy, name: "short", inline: true, first: true, short: true, faults: harshest},

	{flow: engage.FlowEngage, name: "later-bursts", bursts: []int{6}},
	{flow: engage.FlowEngage, name: "first", first: true, bursts: onceAndSix},
	{flow: engage.FlowEngage, name: "inline", inline: true},
	{flow: engage.FlowEngage, name: "warm", warm: true, bursts: onceAndSix},
	{flow: engage.FlowEngage, name: "again", again: true, bursts: []int{3},
		faults: []fault{lostAfter, error500After, killedBefore, killedAfter}},
	{flow: engage.FlowEngage, name: "cancelled", after: afterCancel, bursts: onceAndSix},
	{flow: engage.FlowEngage, name: "swept", after: afterSweep, bursts: onceAndSix},
	{flow: engage.FlowEngage, name: "swept-late", after: afterLateSweep, bursts: onceAndSix,
		faults: []fault{lostAfter, error500After, killedBefore, killedAfter}},
	{flow: engage.FlowEngage, name: "neighbour", neighbour: true, bursts: onceAndSix},
	{flow: engage.FlowRingCentral, name: "later"},
	{flow: engage.FlowLegacy, name: "later"},

	{flow: engage.FlowEngage, name: "foreign", foreign: true},
	{flow: engage.FlowRingCentral, name: "foreign", foreign: true, inline: true, first: true, faults: harshest},
	{flow: engage.FlowLegacy, name: "foreign", foreign: true, inline: true, first: true, faults: harshest},
}

// chosen returns the variants that the flags name: all with -faults, and the short matrix without
// flags.
func chosen(foreign bool) []variant {
	named := *flowFlag != "" || *variantFlag != ""
	return slices.DeleteFunc(slices.Clone(variants), func(v variant) bool {
		return v.foreign != foreign || !named && !*whole && !v.short ||
			*flowFlag != "" && string(v.flow) != *flowFlag || *variantFlag != "" && v.name != *variantFlag
	})
}

// timeout returns the timeout of one of the variant's functions.
func (v variant) timeout(function string) time.Duration {
	if v.after == afterLateSweep && function == "rotate" {
		return shortTimeout
	}
	return functionTimeout
}

// strikes returns the strikes to try with a call.
func (v variant) strikes(call string) []strike {
	bursts, kinds := v.bursts, v.faults
	if *burstFlag > 0 {
		bursts = []int{*burstFlag}
	} else if len(bursts) == 0 {
		bursts = []int{1}
	}
	if *faultFlag != "" {
		kinds = []fault{fault(*faultFlag)}
	} else if len(kinds) == 0 {
		kinds = faults
	}
	var list []strike
	for _, burst := range bursts {
		for _, kind := range kinds {
			list = append(list, strike{call, kind, burst, v.again || *againFlag})
		}
	}
	return list
}
