package changes_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"engage-token-rotation/pkg/internal/changes"
	"engage-token-rotation/pkg/internal/memstore"
	"engage-token-rotation/pkg/ledger"
)

const (
	arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:token-AbCdEf"
	reserve = time.Hour
)

// deployment is a ledger with one record, and a writer to it.
type deployment struct {
	*changes.Writer
	store  *memstore.Store
	faults []error
}

func newDeployment(t *testing.T, record ledger.Record) *deployment {
	t.Helper()
	d := &deployment{store: memstore.New()}
	d.Writer = &changes.Writer{
		Ledger: ledger.New(d.store, "/p"), Pace: rate.NewLimiter(rate.Inf, 0), Reserve: reserve, Now: time.Now,
		Fault: func(err error) { d.faults = append(d.faults, err) },
	}
	if err := d.Ledger.Set(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	return d
}

// look returns the record as it is, or nil when there is none.
func (d *deployment) look(t *testing.T, record ledger.Record) *ledger.Record {
	t.Helper()
	got, found, err := d.Ledger.Look(t.Context(), record)
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		return nil
	}
	return &got
}

var issued = ledger.Record{Secret: arn, Fingerprint: "0123456789ab", State: ledger.Issued, Intent: "1"}

func changed(change func(*ledger.Record)) ledger.Record {
	record := issued
	change(&record)
	return record
}

var retiring = changed(func(r *ledger.Record) { r.State = ledger.Retiring })

func TestARecordThatChangedSinceItWasReadStays(t *testing.T) {
	for name, standing := range map[string]ledger.Record{
		"another state":    changed(func(r *ledger.Record) { r.State = ledger.Outgoing }),
		"another time":     changed(func(r *ledger.Record) { r.At = time.Unix(1, 0) }),
		"another secret":   changed(func(r *ledger.Record) { r.SharedWith = arn + "2" }),
		"another creation": changed(func(r *ledger.Record) { r.Intent = "2" }),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDeployment(t, standing)
			if !d.Set(t.Context(), issued, retiring) {
				t.Error("Set reports a failure")
			}
			d.Remove(t.Context(), issued)
			if got := d.look(t, issued); got == nil || !changes.Same(*got, standing) || len(d.faults) > 0 {
				t.Errorf("the record is %+v, faults %v; want %+v", got, d.faults, standing)
			}
		})
	}
}

func TestARecordThatWasRemovedSinceStaysRemoved(t *testing.T) {
	d := newDeployment(t, issued)
	d.Remove(t.Context(), issued)
	if !d.Set(t.Context(), issued, retiring) || len(d.faults) > 0 {
		t.Errorf("Set reports a failure; faults %v", d.faults)
	}
	if got := d.look(t, issued); got != nil {
		t.Errorf("the record is %+v", got)
	}
}

func TestARecordAsItWasReadIsChanged(t *testing.T) {
	d := newDeployment(t, issued)
	if !d.Set(t.Context(), issued, retiring) || d.look(t, issued).State != ledger.Retiring || len(d.faults) > 0 {
		t.Errorf("the record is %+v, faults %v", d.look(t, issued), d.faults)
	}
}

func TestWithLittleTimeNothingIsRemoved(t *testing.T) {
	d := newDeployment(t, issued)
	ctx, cancel := context.WithTimeout(t.Context(), reserve/2)
	defer cancel()
	d.Remove(ctx, issued)
	if d.look(t, issued) == nil {
		t.Error("the record was removed")
	}
}

func TestAFailureIsReportedOnce(t *testing.T) {
	d, down := newDeployment(t, issued), errors.New("down")
	for _, call := range []string{"get", "set"} {
		d.store.Fail, d.faults = map[string]error{call: down}, nil
		if d.Set(t.Context(), issued, retiring) || len(d.faults) != 1 || !errors.Is(d.faults[0], down) {
			t.Errorf("%s fails: faults %v", call, d.faults)
		}
	}
}
