package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"engage-token-rotation/pkg/engage"
)

// The functions' names, as Lambda knows them.
const (
	FunctionRotate = "rotate"
	FunctionSweep  = "sweep"
	FunctionIVR    = "ivr"
)

// StackName is the template's. Functions answer to {StackName}-{name} too, their names on AWS.
const StackName = "engage-token-rotation"

// Functions are the names of all functions; a sandbox runs those that it has a binary of.
var Functions = []string{FunctionRotate, FunctionSweep, FunctionIVR}

// The secrets of a new sandbox.
const (
	// TokenSecret is the secret that rotates.
	TokenSecret = "engage/token"
	// AdminSecret holds the login fields, unless Config.OneSecret is set.
	AdminSecret = "engage/admin"
)

// The default ports of `make sandbox`.
const (
	DefaultAWSPort    = 4580
	DefaultEngagePort = 4581
)

// Region and Account are those of the stand-ins.
const (
	Region  = "us-east-1"
	Account = "123456789012"
)

// Config configures a Sandbox. Binaries with [FunctionRotate] is required.
type Config struct {
	// Binaries are the bootstrap binaries by function name; see [Build] and [FindBinaries].
	Binaries map[string]string
	// Listen is the address to listen at, without a port; "" means 127.0.0.1. Containers reach
	// 0.0.0.0 or the address of their bridge only.
	Listen string
	// AWSPort and EngagePort are the ports; 0 takes free ones.
	AWSPort, EngagePort int
	// Flow is the login flow of the secret; "" means engage.
	Flow engage.Flow
	// OneSecret puts the login fields into the token secret itself, instead of an admin secret that
	// it names.
	OneSecret bool
	// Retention is PREVIOUS_TOKEN_RETENTION.
	Retention time.Duration
	// Scenario is what goes wrong from the start; "" means nothing.
	Scenario Scenario
	// Env is added to the environment of the functions, and overrides what the sandbox sets.
	Env map[string]string
	// Timeout of an invocation; 0 means that of the scenario, or a minute.
	Timeout time.Duration
	// HTML is the path of a file to which Demo writes the page with its end state; "" writes none.
	HTML string
	// Observe is called with each invocation when it has ended, one at a time; it must not call
	// Invocations. nil: not called.
	Observe func(Invocation)
}

func (c Config) withDefaults() (Config, error) {
	if err := c.check(); err != nil {
		return c, err
	}
	if c.Binaries[FunctionRotate] == "" {
		return c, errors.New("sandbox: the rotate binary is missing; build it (make functions)")
	}
	c.Listen = cmp.Or(c.Listen, defaultListen)
	c.Flow = cmp.Or(c.Flow, engage.FlowEngage)
	c.Scenario = cmp.Or(c.Scenario, ScenarioNone)
	c.Timeout = cmp.Or(c.Timeout, scenarios[c.Scenario].timeout, time.Minute)
	if c.Observe == nil {
		c.Observe = func(Invocation) {}
	}
	return c, nil
}

const (
	defaultListen = "127.0.0.1"
	maxPort       = 65535
)

// check checks the values that need no file: all but Binaries.
func (c Config) check() error {
	flows := []engage.Flow{engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy}
	_, known := scenarios[cmp.Or(c.Scenario, ScenarioNone)]
	switch {
	case net.ParseIP(cmp.Or(c.Listen, defaultListen)) == nil:
		return fmt.Errorf("sandbox: the address to listen at, %q, is not an IP address; use 127.0.0.1, 0.0.0.0 or that "+
			"of the containers' bridge", c.Listen)
	case !slices.Contains(flows, cmp.Or(c.Flow, engage.FlowEngage)):
		return fmt.Errorf("sandbox: unknown login flow %q; use one of %v", c.Flow, flows)
	case !known:
		return fmt.Errorf("sandbox: unknown scenario %q; use one of %v", c.Scenario, Scenarios())
	case c.AWSPort < 0 || c.AWSPort > maxPort || c.EngagePort < 0 || c.EngagePort > maxPort:
		return fmt.Errorf("sandbox: the ports are %d and %d; use ports up to %d, or 0 for free ones", c.AWSPort,
			c.EngagePort, maxPort)
	case c.AWSPort != 0 && c.AWSPort == c.EngagePort:
		return fmt.Errorf("sandbox: both ports are %d; use two (-aws-port, -engage-port)", c.AWSPort)
	}
	return nil
}

// reachable returns the host of the URLs by which this machine reaches the listeners.
func (c Config) reachable() string {
	if ip := net.ParseIP(c.Listen); ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return c.Listen
}
