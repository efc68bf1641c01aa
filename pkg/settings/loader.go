package settings

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Loader loads a function's settings, and logs those that it loads first. It is safe for concurrent
// use.
type Loader struct {
	// Environment holds the settings of the environment; the parameters override them.
	Environment Settings
	Parameters  Parameters
	// Life is how long loaded settings are used again; zero loads them each time.
	Life time.Duration
	Now  func() time.Time
	Log  *slog.Logger

	mu   sync.Mutex
	kept Settings
	at   time.Time // when kept was loaded
}

// Load returns the settings.
func (l *Loader) Load(ctx context.Context) (Settings, error) {
	l.mu.Lock()
	kept, at := l.kept, l.at
	l.mu.Unlock()
	if now := l.Now(); !at.IsZero() && now.Sub(at) < l.Life {
		return kept, nil
	}
	fresh, err := l.Environment.WithParameters(ctx, l.Parameters)
	if err != nil {
		return Settings{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() {
		l.Log.InfoContext(ctx, "settings", "settings", fresh)
	}
	l.kept, l.at = fresh, l.Now()
	return fresh, nil
}
