package simulation

import (
	"context"
	"strings"

	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
)

// parameters is the store of a stack's ledger as the product sees it; it does what
// pkg/internal/paramstore does.
type parameters struct {
	h     *history
	stack *stack
}

var _ ledger.Parameters = parameters{}

const (
	codeParameterNotFound = "ParameterNotFound"
	codeParameterExists   = "ParameterAlreadyExists"
	// maxParameter is how long a value may be in the standard tier.
	maxParameter = 4096
)

// Create implements ledger.Parameters.
func (p parameters) Create(ctx context.Context, name, value string) (bool, error) {
	err := p.put(ctx, name, value, false)
	if code(err) == codeParameterExists {
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
	c := call{service: parameterService, op: opPutParam, resource: name}
	c.effect = func(c *call) {
		if result = nil; !overwrite && p.h.parameters.get(name) != "" {
			p.h.logf("  there is one already")
			result = &awstest.APIError{Code: codeParameterExists}
			return
		}
		p.h.logf("  %s", value)
		p.h.parameters.put(name, value)
		p.h.observeParameter(c.by, name, value)
	}
	return p.h.aws(ctx, c, parameterAttempts, &result)
}

// Get implements ledger.Parameters.
func (p parameters) Get(ctx context.Context, name string) (string, bool, error) {
	var (
		value  string
		result error
	)
	c := call{service: parameterService, op: opParameter, resource: name}
	c.effect = func(c *call) {
		result = nil
		if value = p.h.parameters.getAt(name, c.age); value == "" {
			result = &awstest.APIError{Code: codeParameterNotFound}
		}
		p.h.observeRead(c.by, name, value, c.age)
	}
	err := p.h.aws(ctx, c, parameterAttempts, &result)
	if code(err) == codeParameterNotFound {
		return "", false, nil
	}
	return value, err == nil, describe(opParameter, err)
}

// List implements ledger.Parameters.
func (p parameters) List(ctx context.Context, path string) (map[string]string, error) {
	return p.values(ctx, path, false)
}

// ListAll implements ledger.Parameters.
func (p parameters) ListAll(ctx context.Context, path string) (map[string]string, error) {
	return p.values(ctx, path, true)
}

func (p parameters) values(ctx context.Context, path string, recursive bool) (map[string]string, error) {
	values := map[string]string{}
	err := p.list(ctx, path, recursive, func(entry parameter) { values[entry.name] = entry.value })
	return values, err
}

// ListDated implements ledger.Parameters.
func (p parameters) ListDated(ctx context.Context, path string) (map[string]ledger.Dated, error) {
	values := map[string]ledger.Dated{}
	err := p.list(ctx, path, false, func(entry parameter) {
		values[entry.name] = ledger.Dated{Value: entry.value, At: entry.at}
	})
	return values, err
}

func (p parameters) list(ctx context.Context, path string, recursive bool, found func(parameter)) error {
	for next := ""; ; {
		var (
			page   []parameter
			token  string
			result error
		)
		c := call{service: parameterService, op: opParameters, resource: path + " " + next}
		c.effect = func(c *call) {
			page, token = p.h.parameters.page(path, next, recursive, c.age)
			if strings.HasPrefix(path, p.stack.ledgerPath()) {
				c.by.firstReadOfLedger()
			}
			for _, entry := range page {
				p.h.observeRead(c.by, entry.name, entry.value, c.age)
			}
		}
		if err := p.h.aws(ctx, c, parameterAttempts, &result); err != nil {
			return describe(opParameters, err)
		}
		for _, entry := range page {
			found(entry)
		}
		if next = token; next == "" {
			return nil
		}
	}
}

// Delete implements ledger.Parameters.
func (p parameters) Delete(ctx context.Context, name string) error {
	var result error
	c := call{service: parameterService, op: opDropParam, resource: name}
	c.effect = func(c *call) {
		if result = nil; p.h.parameters.remove(name) == "" {
			result = &awstest.APIError{Code: codeParameterNotFound}
			return
		}
		p.h.observeRemoved(c.by, name)
	}
	err := p.h.aws(ctx, c, parameterAttempts, &result)
	if code(err) == codeParameterNotFound {
		return nil
	}
	return describe(opDropParam, err)
}
