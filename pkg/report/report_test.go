package report_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
)

const fingerprint engage.Fingerprint = "0123456789ab"

func arn(n int) string {
	return fmt.Sprintf("arn:aws:secretsmanager:us-east-1:123456789012:secret:contact-centre/engage/token-%05d-AbCdEf", n)
}

// fleet returns the report of n secrets, of which every hundredth needs attention.
func fleet(n int) report.Sweep {
	b := report.NewBuilder(false)
	for i := range n {
		b.About(arn(i), func(s *report.Secret) {
			s.Current = report.Current{Fingerprint: fingerprint, AgeSeconds: int64(i), Dead: i%100 == 99}
			s.Unfinished = i%2 == 1
			s.Retiring = append(s.Retiring, report.Waiting{Fingerprint: fingerprint, NotBefore: time.Unix(1, 0).UTC()})
			s.Cases[fingerprint] = "R14"
		})
		b.User(ledger.User(fmt.Sprintf("%016d", i)), 2)
		b.NotReached(ledger.User(fmt.Sprintf("%016d", i)))
		b.Fault(errors.New("list the tokens of user " + arn(i)))
	}
	return b.Sweep()
}

func TestTheSummaryCountsAllSecrets(t *testing.T) {
	got := fleet(1000).Limit(report.MaxBrief).Summary
	want := report.Summary{
		Secrets: 1000, OldestTokenSeconds: 999, OldestSecret: arn(999), Dead: 10, Unfinished: 500, Retiring: 1000,
		Foreign: 2000, NotReached: 1000, Faults: 1000,
	}
	if got != want {
		t.Errorf("summary\n%+v, want\n%+v", got, want)
	}
}

func TestABriefAnswerHasTheSecretsThatNeedAttentionFirst(t *testing.T) {
	brief := fleet(1000).Limit(report.MaxBrief)
	if len(brief.Secrets) != report.MaxBrief || len(brief.Users) != report.MaxBrief || brief.Omitted != 4*900 {
		t.Fatalf("%d secrets, %d users, %d omitted", len(brief.Secrets), len(brief.Users), brief.Omitted)
	}
	for i, s := range brief.Secrets {
		if s.NeedsAttention() != (i < 10) {
			t.Errorf("secret %d needs attention: %t", i, s.NeedsAttention())
		}
	}
	if few := fleet(report.MaxBrief).Limit(report.MaxBrief); few.Omitted != 0 || few.Secrets[0].Secret != arn(0) {
		t.Errorf("a small fleet is cut: %d omitted, first %s", few.Omitted, few.Secrets[0].Secret)
	}
}

func TestAnAnswerFitsLambdasLimit(t *testing.T) {
	const limit = 6 << 20
	for _, n := range []int{10_000, 40_000} {
		answer, err := json.Marshal(fleet(n).Limit(report.MaxFull))
		if err != nil || len(answer) > limit {
			t.Errorf("the full answer about %d secrets has %d bytes, %v", n, len(answer), err)
		}
	}
	if brief, _ := json.Marshal(fleet(10_000).Limit(report.MaxBrief)); len(brief) > 100_000 {
		t.Errorf("the brief answer about 10,000 secrets has %d bytes", len(brief))
	}
}
