package leaks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/lambdafn"
	"engage-token-rotation/pkg/tests/leaks"
)

// A panic becomes an error with the place, and without the value, of the panic.
func TestNoSecretLeavesThroughAPanic(t *testing.T) {
	const secret = aToken
	panics := map[string]func(){
		"a string":         func() { panic(secret) },
		"an error":         func() { panic(fmt.Errorf("https://host/?password=%s", secret)) },
		"a joined error":   func() { panic(errors.Join(errors.New("x"), errors.New(secret))) },
		"a struct":         func() { panic(struct{ Token string }{secret}) },
		"bytes":            func() { panic([]byte(secret)) },
		"a hidden text":    func() { panic(hidden.New(secret)) },
		"a conversion":     func() { _ = any(secret).(fmt.Stringer) },
		"an unhashable":    func() { _ = map[any]int{[]string{secret}: 1} },
		"an index":         func() { _ = secret[len(secret)+time.Now().Second():] },
		"nil":              func() { noMap()[secret] = secret },
		"a nil pointer":    func() { var p *struct{ s string }; p.s = secret },
		"a panic in panic": func() { defer func() { panic(recover()) }(); panic(secret) },
		"a deep stack":     func() { deep(secret, 40) },
	}
	for name, cause := range panics {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			fn := &lambdafn.Function{Log: telemetry.NewLogger(&out, slog.LevelDebug)}
			handler := fn.Handler(func(context.Context, []byte) (any, error) { cause(); return secret, nil })
			answer, err := handler.Invoke(t.Context(), []byte(secret))
			if err == nil || answer != nil {
				t.Fatalf("answer %s, error %v", answer, err)
			}
			if !strings.HasPrefix(err.Error(), "panic") ||
				!strings.Contains(err.Error(), "please report it with the logged stack") {
				t.Errorf("error %q", err)
			}
			if !strings.Contains(out.String(), "panic_test.go") {
				t.Errorf("no stack is logged: %s", out.String())
			}
			var finder leaks.Finder
			finder.Add("the secret", secret)
			for _, leak := range finder.Find(out.String() + err.Error() + fmt.Sprintf("%#v %+v", err, errors.Unwrap(err))) {
				t.Errorf("leaked %v", leak)
			}
		})
	}
}

func noMap() map[string]string { return nil }

func deep(secret string, depth int) {
	if depth == 0 {
		panic(secret)
	}
	deep(secret, depth-1)
}
