package lambdafn_test

import (
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/awstest"
)

func TestEffectiveSettingsAreToldOnceByEachFunctionAndByEachSweep(t *testing.T) {
	withFunctions(t, func(t *testing.T, fs *functions) {
		_, err := fs.aws.Parameters.PutParameter(&awstest.PutParameterInput{
			Name: "/engage-token-rotation/settings/previous-token-retention", Value: "90m", Type: "String",
		})
		if err != nil {
			t.Fatal(err)
		}
		fs.run(t)
		fs.run(t)
		const logged = `"PREVIOUS_TOKEN_RETENTION":{"value":"1h30m0s","source":"parameter"}`
		if n := strings.Count(fs.lines.String(), logged); n != 1 {
			t.Errorf("%d lines of the rotation hold %s", n, logged)
		}
		fs.lines.Reset()
		for range 2 {
			answer, err := fs.sweep.Invoke(t.Context(), []byte(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				`{"setting":"PREVIOUS_TOKEN_RETENTION","value":"1h30m0s","source":"parameter"}`,
				`{"setting":"ENGAGE_BASE_URL","value":"https://engage.ringcentral.com","source":"default"}`,
			} {
				if !strings.Contains(string(answer), want) {
					t.Errorf("answer %s lacks %s", answer, want)
				}
			}
		}
		if n := strings.Count(fs.lines.String(), logged); n != 1 {
			t.Errorf("%d lines of the sweep hold %s", n, logged)
		}
	})
}
