package simulation

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
)

// parameters is the store of the ledger; it does what pkg/internal/paramstore does.
type parameters struct{ w *world }

var _ ledger.Parameters = parameters{}

// parameterChange is what a parameter was before a change.
type parameterChange struct {
	at    time.Time
	name  string
	value string // empty: there was none
}

// Create implements ledger.Parameters.
func (p parameters) Create(ctx context.Context, name, value string) (bool, error) {
	err := p.put(ctx, name, value, false)
	if code(err) == "ParameterAlreadyExists" {
		return false, nil
	}
	return err == nil, describe(opPutParam, err)
}

// Set implements ledger.Parameters.
func (p parameters) Set(ctx context.Context, name, value string) error {
	return describe(opPutParam, p.put(ctx, name, value, true))
}

func (p parameters) put(ctx context.Context, name, value string, overwrite bool) error {
	var result error
	c := call{service: parameterStore, op: opPutParam, resource: name}
	c.effect = func(c *call) {
		before := p.w.parameter(name)
		_, result = p.w.parameters.PutParameter(&awstest.PutParameterInput{Name: name, Value: value, Type: "String", Overwrite: overwrite})
		if p.w.trace != nil {
			p.w.logf("  %s, error %v", value, result)
		}
		if result == nil {
			p.w.puts = append(p.w.puts, parameterChange{time.Now(), name, before})
			p.w.observeParameter(c, name, value, before, overwrite)
		}
	}
	return p.w.aws(ctx, c, parameterAttempts, &result)
}

// parameter returns a parameter's value, or "".
func (w *world) parameter(name string) string {
	out, err := w.parameters.GetParameter(&awstest.GetParameterInput{Name: name})
	if err != nil {
		return ""
	}
	return out.Parameter.Value
}

// Get implements ledger.Parameters.
func (p parameters) Get(ctx context.Context, name string) (string, bool, error) {
	var (
		value  string
		result error
	)
	c := call{service: parameterStore, op: opParameter, resource: name}
	c.effect = func(c *call) {
		result = nil
		if value = p.w.parameterAt(name, c.age); value == "" {
			result = &awstest.APIError{Code: "ParameterNotFound"}
		}
		c.by.observeRecord(name, value, c.age)
	}
	err := p.w.aws(ctx, c, parameterAttempts, &result)
	if code(err) == "ParameterNotFound" {
		return "", false, nil
	}
	return value, err == nil, describe(opParameter, err)
}

func (w *world) parameterAt(name string, age time.Duration) string {
	since := time.Now().Add(-age)
	value := w.parameter(name)
	for i := len(w.puts) - 1; i >= 0 && w.puts[i].at.After(since); i-- {
		if w.puts[i].name == name {
			value = w.puts[i].value
		}
	}
	return value
}

// List implements ledger.Parameters.
func (p parameters) List(ctx context.Context, path string) (map[string]string, error) {
	return p.list(ctx, path, false)
}

// ListAll implements ledger.Parameters.
func (p parameters) ListAll(ctx context.Context, path string) (map[string]string, error) {
	return p.list(ctx, path, true)
}

func (p parameters) list(ctx context.Context, path string, recursive bool) (map[string]string, error) {
	values := map[string]string{}
	for next := ""; ; {
		var (
			page   map[string]string
			token  string
			result error
		)
		c := call{service: parameterStore, op: opParameters, resource: path + " " + next}
		c.effect = func(c *call) {
			page, token, result = p.w.page(path, next, recursive, c.age)
			if strings.Contains(path, "/ledger") {
				p.w.observeFirstRead(c.by)
			}
			for name, value := range page {
				c.by.observeRecord(name, value, c.age)
			}
		}
		if err := p.w.aws(ctx, c, parameterAttempts, &result); err != nil {
			return nil, describe(opParameters, err)
		}
		for name, value := range page {
			values[name] = value
		}
		if next = token; next == "" {
			return values, nil
		}
	}
}

// page returns the ten parameters after the name next.
func (w *world) page(path, next string, recursive bool, age time.Duration) (map[string]string, string, error) {
	values, token := map[string]string{}, ""
	for {
		out, err := w.parameters.GetParametersByPath(&awstest.GetParametersByPathInput{Path: path, Recursive: recursive, NextToken: token})
		if err != nil {
			return nil, "", err
		}
		for i := range out.Parameters {
			values[out.Parameters[i].Name] = out.Parameters[i].Value
		}
		if token = out.NextToken; token == "" {
			break
		}
	}
	if age > 0 {
		w.rewind(values, path, recursive, age)
	}
	names := slices.Sorted(maps.Keys(values))
	from, _ := slices.BinarySearch(names, next+"\x00")
	to := min(from+pageSize, len(names))
	for i, name := range names {
		if i < from || i >= to {
			delete(values, name)
		}
	}
	if to < len(names) {
		return values, names[to-1], nil
	}
	return values, "", nil
}

// pageSize is how many parameters come at once.
const pageSize = 10

// rewind undoes the changes of the latest age.
func (w *world) rewind(values map[string]string, path string, recursive bool, age time.Duration) {
	since := time.Now().Add(-age)
	for i := len(w.puts) - 1; i >= 0 && w.puts[i].at.After(since); i-- {
		rest, below := strings.CutPrefix(w.puts[i].name, path+"/")
		if !below || !recursive && strings.Contains(rest, "/") {
			continue
		}
		if w.puts[i].value == "" {
			delete(values, w.puts[i].name)
		} else {
			values[w.puts[i].name] = w.puts[i].value
		}
	}
}

// Delete implements ledger.Parameters.
func (p parameters) Delete(ctx context.Context, name string) error {
	var result error
	c := call{service: parameterStore, op: opDropParam, resource: name}
	c.effect = func(c *call) {
		before := p.w.parameter(name)
		if _, result = p.w.parameters.DeleteParameter(&awstest.ParameterNameInput{Name: name}); result == nil {
			p.w.puts = append(p.w.puts, parameterChange{time.Now(), name, before})
			p.w.observeForgotten(name)
		}
	}
	err := p.w.aws(ctx, c, parameterAttempts, &result)
	if code(err) == "ParameterNotFound" {
		return nil
	}
	return describe(opDropParam, err)
}
