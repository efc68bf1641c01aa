package tokensource_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/tokensource"
)

func TestRefusalStormReadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(20 * time.Millisecond)
		source := newSource(t, tokensource.Config{Fetch: v.fetch, TTL: time.Hour})
		wantToken(t, source, 1)
		v.rotate(2)
		dead, next := nth(t, 1), nth(t, 2)
		var group sync.WaitGroup
		for i := range 10_000 {
			group.Go(func() {
				time.Sleep(time.Duration(i%100) * time.Millisecond) // before, during and after the read
				if token, err := source.Replace(t.Context(), dead, 401+i%2*2); err != nil || token != next {
					t.Errorf("Replace: %v, %v", token, err)
				}
			})
		}
		group.Wait()
		wantReads(t, v, 2)
	})
}

func TestReadThatBeganBeforeTheRefusalProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(time.Second)
		source := newSource(t, tokensource.Config{Fetch: v.fetch, TTL: time.Minute, RefreshAhead: -1})
		wantToken(t, source, 1)
		time.Sleep(time.Minute)
		var group sync.WaitGroup
		group.Go(func() { wantToken(t, source, 1) }) // its read has taken the old document
		synctest.Wait()
		v.rotate(2)
		token, err := source.Replace(t.Context(), nth(t, 1), 401)
		if err != nil || token != nth(t, 2) {
			t.Errorf("Replace: %v, %v", token, err)
		}
		group.Wait()
		wantReads(t, v, 3)
	})
}

func TestDeadTokenThatTheSecretStillNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(time.Millisecond)
		source := newSource(t, tokensource.Config{Fetch: v.fetch})
		wantToken(t, source, 1)
		dead := nth(t, 1)
		replace := func() {
			t.Helper()
			if token, err := source.Replace(t.Context(), dead, 401); err != nil || token != dead {
				t.Fatalf("Replace: %v, %v; want the same token", token, err)
			}
		}
		for range 100 {
			replace()
		}
		wantReads(t, v, 2)

		before := v.count()
		for range 36_000 { // an hour of ten refusals a second
			replace()
			time.Sleep(100 * time.Millisecond)
		}
		if reads := v.count() - before; reads < 60 || reads > 160 {
			t.Errorf("%d reads in an hour, want about one a minute", reads)
		}

		v.rotate(2)
		time.Sleep(time.Minute)
		if token, err := source.Replace(t.Context(), dead, 401); err != nil || token != nth(t, 2) {
			t.Errorf("once the secret is corrected: %v, %v", token, err)
		}
	})
}

func TestARefusalIsReadForDuringAnotherBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(0)
		source := newSource(t, tokensource.Config{Fetch: v.fetch, TTL: time.Minute, RefreshAhead: -1,
			MinBackoff: time.Minute})
		wantToken(t, source, 1)
		time.Sleep(time.Minute)
		v.set("", errDown)
		wantToken(t, source, 1) // stale, and the next read is due in half a minute at the earliest
		v.rotate(2)
		if token, err := source.Replace(t.Context(), nth(t, 1), 401); err != nil || token != nth(t, 2) {
			t.Errorf("Replace: %v, %v", token, err)
		}
	})
}

func TestRefusalWhileTheSecretCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(0)
		source := newSource(t, tokensource.Config{Fetch: v.fetch})
		wantToken(t, source, 1)
		v.set("", errDown)
		for range 10 {
			if token, err := source.Replace(t.Context(), nth(t, 1), 401); err != nil || token != nth(t, 1) {
				t.Fatalf("Replace: %v, %v", token, err)
			}
		}
		wantReads(t, v, 2)
		v.rotate(2)
		time.Sleep(time.Second)
		wantToken(t, source, 1) // starts a read, although its time is not over
		synctest.Wait()
		wantToken(t, source, 2)
	})
}

func TestReplaceWithoutAnyTokenReturnsTheFailure(t *testing.T) {
	v := newVault(0)
	v.set("", errDown)
	source := newSource(t, tokensource.Config{Fetch: v.fetch})
	if _, err := source.Replace(t.Context(), nth(t, 1), 401); !errors.Is(err, errDown) {
		t.Errorf("Replace: %v", err)
	}
}
