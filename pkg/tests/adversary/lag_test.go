package adversary_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// lag remembers what the Parameter Store held, so that reads can be old.
type lag struct {
	by time.Duration

	mu      sync.Mutex
	history []snapshot // oldest first
}

// snapshot is what the store held from a time on.
type snapshot struct {
	at     time.Time
	values map[string]ledger.Dated
}

// old returns what the store held some time ago.
func (l *lag) old() map[string]ledger.Dated {
	l.mu.Lock()
	defer l.mu.Unlock()
	values := map[string]ledger.Dated{}
	for _, s := range l.history {
		if time.Since(s.at) >= l.by {
			values = s.values
		}
	}
	return values
}

// note notes a change; value nil removes the name.
func (l *lag) note(name string, value *string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	values := map[string]ledger.Dated{}
	if n := len(l.history); n > 0 {
		values = maps.Clone(l.history[n-1].values)
	}
	if value == nil {
		delete(values, name)
	} else {
		values[name] = ledger.Dated{Value: *value, At: time.Now()}
	}
	l.history = append(l.history, snapshot{time.Now(), values})
}

// lagging is a Parameter Store whose reads are old.
type lagging struct {
	ledger.Parameters
	lag *lag
}

func (p *lagging) Create(ctx context.Context, name, value string) (bool, error) {
	created, err := p.Parameters.Create(ctx, name, value)
	if created && err == nil {
		p.lag.note(name, &value)
	}
	return created, err
}

func (p *lagging) Set(ctx context.Context, name, value string) error {
	err := p.Parameters.Set(ctx, name, value)
	if err == nil {
		p.lag.note(name, &value)
	}
	return err
}

func (p *lagging) Delete(ctx context.Context, name string) error {
	err := p.Parameters.Delete(ctx, name)
	if err == nil {
		p.lag.note(name, nil)
	}
	return err
}

func (p *lagging) Get(_ context.Context, name string) (string, bool, error) {
	found, ok := p.lag.old()[name]
	return found.Value, ok, nil
}

func (p *lagging) List(ctx context.Context, path string) (map[string]string, error) {
	dated, err := p.ListDated(ctx, path)
	return plain(dated), err
}

func (p *lagging) ListDated(_ context.Context, path string) (map[string]ledger.Dated, error) {
	values := p.below(path)
	maps.DeleteFunc(values, func(name string, _ ledger.Dated) bool {
		return strings.Contains(strings.TrimPrefix(name, path+"/"), "/")
	})
	return values, nil
}

func (p *lagging) ListAll(_ context.Context, path string) (map[string]string, error) {
	return plain(p.below(path)), nil
}

func (p *lagging) below(path string) map[string]ledger.Dated {
	values := maps.Clone(p.lag.old())
	maps.DeleteFunc(values, func(name string, _ ledger.Dated) bool { return !strings.HasPrefix(name, path+"/") })
	return values
}

func plain(dated map[string]ledger.Dated) map[string]string {
	values := map[string]string{}
	for name, parameter := range dated {
		values[name] = parameter.Value
	}
	return values
}
