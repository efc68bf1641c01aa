package settings_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/settings"
)

// effective returns "value (source)" of each setting by its name.
func effective(s settings.Settings) map[string]string {
	all := map[string]string{}
	for _, e := range s.Effective() {
		all[e.Setting] = e.Value + " (" + string(e.Source) + ")"
	}
	return all
}

func TestEachSettingNamesItsSource(t *testing.T) {
	defaults := map[string]string{
		"ENGAGE_BASE_URL":      "https://engage.ringcentral.com (default)",
		"RINGCENTRAL_BASE_URL": "https://platform.ringcentral.com (default)",
		"ENGAGE_ALLOWED_HOSTS": " (default)", "PREVIOUS_TOKEN_RETENTION": "0s (default)",
		"EXCLUSIVE_USER": "false (default)", "ADMIN_SECRET_ARN": " (default)", "TOKEN_SECRET_ARN": " (default)",
		"ENGAGE_PROXY_URL": " (default)",
		"PARAMETER_PREFIX": "/engage-token-rotation (default)", "LOG_LEVEL": "INFO (default)",
	}
	if got := effective(mustRead(t, nil)); !maps.Equal(got, defaults) {
		t.Errorf("defaults: %v", got)
	}
	set := environment{
		"ENGAGE_BASE_URL": "https://e.example", "RINGCENTRAL_BASE_URL": "https://r.example",
		"ENGAGE_ALLOWED_HOSTS": "h.example", "PREVIOUS_TOKEN_RETENTION": "90m", "EXCLUSIVE_USER": "never",
		"ADMIN_SECRET_ARN": "engage/admin", "TOKEN_SECRET_ARN": "engage/token", "PARAMETER_PREFIX": "/p",
		"ENGAGE_PROXY_URL": "http://p.example:3128",
		"LOG_LEVEL":        "DEBUG",
	}
	inEnvironment := map[string]string{}
	for name, value := range set {
		inEnvironment[name] = value + " (environment)"
	}
	inEnvironment["PREVIOUS_TOKEN_RETENTION"] = "1h30m0s (environment)"
	s := mustRead(t, set)
	if got := effective(s); !maps.Equal(got, inEnvironment) {
		t.Errorf("environment: %v", got)
	}
	laid, err := s.WithParameters(t.Context(), parameters{
		"base-url": "https://h.example", "previous-token-retention": "0s", "exclusive-user": "true",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(inEnvironment)
	want["ENGAGE_BASE_URL"] = "https://h.example (parameter)"
	want["PREVIOUS_TOKEN_RETENTION"] = "0s (parameter)"
	if got := effective(laid); !maps.Equal(got, want) { // exclusive-user is forbidden
		t.Errorf("parameters: %v", got)
	}
	if got := effective(s); !maps.Equal(got, inEnvironment) {
		t.Errorf("the settings of the environment were changed: %v", got)
	}
}

// One parameter must not be enough to have other programs' tokens deleted.
func TestNeverForbidsTheParameterOfTheExclusiveUser(t *testing.T) {
	for value, want := range map[string]bool{"never": false, " NEVER ": false, "false": true, "": true} {
		s, err := mustRead(t, environment{settings.EnvExclusiveUser: value}).
			WithParameters(t.Context(), parameters{"exclusive-user": "true"})
		if err != nil || s.Exclusive != want {
			t.Errorf("%q: exclusive %t, %v", value, s.Exclusive, err)
		}
	}
}

func TestALoaderLogsTheFirstSettingsAndKeepsThemForTheirLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		given := parameters{"previous-token-retention": "1h"}
		l := settings.Loader{
			Environment: mustRead(t, nil), Parameters: given, Life: time.Minute, Now: time.Now,
			Log: slog.New(slog.NewJSONHandler(&lines, nil)),
		}
		load := func(want time.Duration) {
			t.Helper()
			if s, err := l.Load(t.Context()); err != nil || s.Retention != want {
				t.Errorf("retention %s, %v, want %s", s.Retention, err, want)
			}
		}
		load(time.Hour)
		given["previous-token-retention"] = "2h"
		load(time.Hour)
		time.Sleep(time.Minute)
		load(2 * time.Hour)
		var line struct {
			Settings map[string]struct{ Value, Source string }
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || strings.Count(lines.String(), "\n") != 1 {
			t.Fatalf("%v: %s", err, lines.String())
		}
		if got := line.Settings["PREVIOUS_TOKEN_RETENTION"]; got.Value != "1h0m0s" || got.Source != "parameter" {
			t.Errorf("logged %v", line)
		}
		broken := errors.New("AccessDeniedException")
		l.Parameters = failing{broken}
		time.Sleep(time.Minute)
		if _, err := l.Load(t.Context()); !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	})
}
