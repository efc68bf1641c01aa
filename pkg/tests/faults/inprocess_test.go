package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/sweep"
)

// A rotation before the case and the last sweeps run in the test's process: the same code, without
// the start of a process for each case.

// rotateInProcess runs a rotation that has to succeed at once.
func (d *deployment) rotateInProcess(ctx context.Context, a *actor) error {
	sdk := d.sdk(a.gate)
	rotator := rotation.New(rotation.Config{
		Secrets: awsstore.NewSecrets(sdk), Parameters: awsstore.NewParameters(sdk), Settings: d.settings(a.gate),
		Transport: a.gate,
	})
	run := d.services.begin(a.arn)
	err := d.attempt(run, func(step string) error {
		event, err := events.ParseRotation(run.Payload(step))
		if err != nil {
			return err
		}
		a.gate.enter(step)
		ctx, cancel := context.WithTimeout(ctx, functionTimeout)
		defer cancel()
		_, err = rotator.Handle(ctx, event)
		return err
	})
	d.services.end(run, err)
	return err
}

// sweepInProcess runs a sweep for an event.
func (d *deployment) sweepInProcess(ctx context.Context, event string) (report.Sweep, error) {
	request, err := events.ParseSweep([]byte(event))
	if err != nil {
		return report.Sweep{}, err
	}
	g := d.newGate("sweep: ")
	g.url, g.pass = d.main.gate.url, d.services.pass // the ledger's name of the user holds the host
	g.enter("sweep")
	sdk := d.sdk(g)
	sweeper := sweep.New(sweep.Config{
		Secrets: awsstore.NewSecrets(sdk), Parameters: awsstore.NewParameters(sdk), Settings: d.settings(g),
		RotationFunction: d.services.rotationFunction(), Transport: g,
	})
	ctx, cancel := context.WithTimeout(ctx, functionTimeout)
	defer cancel()
	answer, err := sweeper.Run(ctx, request)
	g.log("-- %s: %+v, %v", event, answer, err)
	d.lookForDead("after a sweep")
	d.lookForForeign("after a sweep")
	return answer, err
}

// settings returns what a function reads from the environment that newActor gives to a process.
func (d *deployment) settings(g *gate) settings.Settings {
	environment := d.environment(g)
	s, err := settings.FromEnvironment(func(name string) string { return environment[name] })
	must(err)
	return s
}

// sdk returns the configuration of AWS clients that call through the gate.
func (d *deployment) sdk(g *gate) aws.Config {
	config := d.services.config()
	config.BaseEndpoint, config.HTTPClient = &g.url, &http.Client{Transport: g}
	return config
}

// RoundTrip implements http.RoundTripper for clients in this process. It must not be struck: it has
// no connection to break.
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	server := r.Clone(r.Context())
	server.RequestURI, server.Host = r.URL.RequestURI(), r.URL.Host
	if server.Body == nil {
		server.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	g.ServeHTTP(recorder, server)
	if err := r.Context().Err(); err != nil {
		return nil, fmt.Errorf("call through the gate: %w", err)
	}
	return recorder.Result(), nil
}
