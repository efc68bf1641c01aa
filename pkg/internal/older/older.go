// Package older makes the ledger's entries older, for tests and stand-ins that show what a sweep
// does some time later without waiting for it.
package older

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// times are the fields of records and intents that hold a time.
var times = []string{"startedAt", "createdAt", "until", "at"}

// Ledger makes every record and intent below the prefix older by the given time.
func Ledger(ctx context.Context, parameters ledger.Parameters, prefix string, by time.Duration) error {
	values, err := parameters.ListAll(ctx, prefix+"/ledger")
	if err != nil {
		return err
	}
	for name, value := range values {
		changed, err := entry(value, by)
		if err != nil {
			return fmt.Errorf("make %s older: %w", name, err)
		}
		if changed == value {
			continue
		}
		if err := parameters.Set(ctx, name, changed); err != nil {
			return err
		}
	}
	return nil
}

// entry returns an entry with its times moved. What is not an entry stays as it is.
func entry(value string, by time.Duration) (string, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &fields) != nil {
		return value, nil
	}
	moved := false
	for _, name := range times {
		if fields[name] == nil {
			continue
		}
		var at time.Time
		if err := json.Unmarshal(fields[name], &at); err != nil {
			return "", err
		}
		text, err := json.Marshal(at.Add(-by))
		if err != nil {
			return "", err
		}
		fields[name], moved = text, true
	}
	if !moved {
		return value, nil
	}
	changed, err := json.Marshal(fields)
	return string(changed), err
}
