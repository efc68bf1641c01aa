package awstest

import (
	"context"
	"errors"
	"fmt"
)

// start runs a rotation in the background, if Invoke is set.
func (s *SecretsManager) start(run Run) {
	if s.config.Invoke == nil {
		return
	}
	s.mu.Lock()
	defer s.unlock()
	if s.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.running[run.key()] = cancel
	go func() {
		s.drive(ctx, run)
		cancel()
		s.mu.Lock()
		defer s.unlock()
		delete(s.running, run.key())
		if len(s.running) == 0 && s.idle != nil {
			close(s.idle)
			s.idle = nil
		}
	}()
}

// key identifies a run: an abandoned one can still be running when the next one of its secret
// starts.
func (r Run) key() [2]string { return [2]string{r.SecretARN, r.VersionID} }

// drive runs all attempts of a rotation.
func (s *SecretsManager) drive(ctx context.Context, run Run) {
	var err error
	for attempt := 1; attempt <= s.config.Attempts; attempt++ {
		if attempt > 1 && s.config.RetryDelay > 0 && s.config.Sleep(ctx, s.config.RetryDelay) != nil {
			break
		}
		if err = s.attempt(ctx, run); err == nil || errors.Is(err, ErrRotationOver) || ctx.Err() != nil || !s.retryable(run) {
			break
		}
	}
	s.EndRotation(run, err)
}

// attempt invokes all steps once.
func (s *SecretsManager) attempt(ctx context.Context, run Run) error {
	for _, step := range run.Steps {
		if _, err := s.config.Invoke(ctx, run.FunctionARN, run.Payload(step)); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		if err := s.CheckRotation(run); err != nil {
			return fmt.Errorf("after %s: %w", step, err)
		}
	}
	return nil
}

// Wait waits until no rotation runs in the background, or returns ctx's error.
func (s *SecretsManager) Wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		if len(s.running) == 0 {
			s.mu.Unlock()
			return nil
		}
		if s.idle == nil {
			s.idle = make(chan struct{})
		}
		idle := s.idle
		s.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close cancels the rotations that run in the background and waits for them. Nothing starts in the
// background afterwards.
func (s *SecretsManager) Close() {
	s.cancel()
	_ = s.Wait(context.Background())
}
