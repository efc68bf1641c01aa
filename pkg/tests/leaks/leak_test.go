package leaks_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
)

var flows = []engage.Flow{engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy}

// cleanRun rotates twice without a fault and returns how many calls of either kind there were.
func cleanRun(t *testing.T, flow engage.Flow) (vendor, aws int) {
	t.Helper()
	d := newDeployment(t, flow, nil, nil, nil)
	for range 2 {
		if !d.rotateOnce() {
			t.Fatalf("a rotation without a fault fails:\n%s", d.output.String())
		}
	}
	d.wire.mu.Lock()
	known := d.wire.finder.Len()
	d.wire.mu.Unlock()
	if want := map[engage.Flow]int{engage.FlowEngage: 9, engage.FlowRingCentral: 10,
		engage.FlowLegacy: 8}[flow]; known < want {
		t.Fatalf("%d secrets were seen, want at least %d", known, want)
	}
	d.invoke(d.start("sweep"), `{}`)
	if result := d.invoke(d.start("ivr"), `{}`); !strings.Contains(string(result.Payload), "99990001") {
		t.Errorf("the IVR function answers %s", result.Payload)
	}
	d.check()
	return d.wire.count(), len(d.aws.Calls())
}

// One fault at every call of two rotations, a sweep and a read, under each flow: no output and no
// answer holds a secret.
func TestNoSecretLeavesUnderAnyFault(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the functions many times")
	}
	for f, flow := range flows {
		t.Run(string(flow), func(t *testing.T) {
			t.Parallel()
			vendor, aws := cleanRun(t, flow)
			for call := 1; call <= vendor; call++ {
				for k, kind := range vendorFaults {
					if !*every && (k+call+f)%len(flows) != 0 {
						continue
					}
					kind.call = call
					t.Run(fmt.Sprintf("vendor call %d %s", call, kind.kind), func(t *testing.T) {
						t.Parallel()
						d := newDeployment(t, flow, &kind, nil, nil)
						d.everything()
					})
				}
			}
			for call := 1; call <= aws; call++ {
				for k, kind := range awsFaults {
					if !*every && (k+call+f)%len(awsFaults) != 0 {
						continue
					}
					t.Run(fmt.Sprintf("AWS call %d %s", call, kind.kind), func(t *testing.T) {
						t.Parallel()
						d := newDeployment(t, flow, nil, onCall(call, kind.action), nil)
						d.everything()
					})
				}
			}
		})
	}
}

// everything runs each function, and ignores the results.
func (d *deployment) everything() {
	d.t.Helper()
	d.rotateOnce()
	d.rotateOnce()
	d.invoke(d.start("sweep"), `{}`)
	d.invoke(d.start("ivr"), `{}`)
	d.check()
}

// A fault that never ends, from the first call on.
func TestNoSecretLeavesWhileTheVendorFails(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the functions many times")
	}
	for _, flow := range flows {
		for _, kind := range vendorFaults {
			t.Run(fmt.Sprintf("%s %s", flow, kind.kind), func(t *testing.T) {
				t.Parallel()
				d := newDeployment(t, flow, &kind, nil, nil)
				if d.rotateOnce() {
					t.Error("the rotation succeeded")
				}
				d.invoke(d.start("ivr"), `{}`)
				d.check()
			})
		}
	}
}

// Input that holds secrets in the wrong places: people paste them there.
func TestNoSecretLeavesFromBadInput(t *testing.T) {
	d := newDeployment(t, engage.FlowEngage, nil, nil, nil)
	const token = "aws80:5d0a8e3b-9f47-4d83-b1a6-c1d7a3f06f2b"
	d.wire.see("a pasted token", token)
	d.wire.see("a RotationToken", "3f0a1c52-7be9-4e0d-8a55-6d2f4b9c1e77")
	pasted := []string{token, d.user.Password, d.user.JWT, "3f0a1c52-7be9-4e0d-8a55-6d2f4b9c1e77"}
	sweep, ivr := d.start("sweep"), d.start("ivr")
	for _, secret := range pasted {
		quoted, _ := json.Marshal(secret)
		for _, payload := range []string{
			string(quoted), "[" + string(quoted) + "]", "{" + string(quoted) + ":1}",
			fmt.Sprintf(`{"Step":%s}`, quoted), fmt.Sprintf(`{"Step":"createSecret","SecretId":%s}`, quoted),
			fmt.Sprintf(`{"Step":"createSecret","SecretId":"engage/token","ClientRequestToken":%s}`, quoted),
			fmt.Sprintf(`{"Step":"createSecret","SecretId":"engage/none",`+
				`"ClientRequestToken":"0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11","RotationToken":%s}`, quoted),
			fmt.Sprintf(`{"Step":"createSecret","RotationToken":[%s]}`, quoted),
			fmt.Sprintf(`{"revokePrevious":%s,"x":1}`, quoted), fmt.Sprintf(`{"dryRun":%s}`, quoted),
			fmt.Sprintf(`{"revokePrevious":%s}`, quoted),
		} {
			if strings.Contains(payload, "SecretId\":"+string(quoted)) && secret == token ||
				strings.HasPrefix(payload, `{"revokePrevious"`) && !strings.Contains(payload, "x") ||
				strings.Contains(payload, "ClientRequestToken\":"+string(quoted)) && secret != d.user.Password {
				continue // texts that have the form of a name or an id are printed
			}
			d.invoke(d.rotate, payload)
			d.invoke(sweep, payload)
			d.invoke(ivr, payload)
		}
		for _, document := range []string{
			secret, string(quoted), "{" + secret + "}", fmt.Sprintf(`{"password":[%s]}`, quoted),
			fmt.Sprintf(`{"apiToken":%s}`, strings.Replace(string(quoted), `"`, `" `, 1)),
			fmt.Sprintf(`{"username":"u","password":"p","platformId":"x","loginFlow":%s}`, quoted),
			fmt.Sprintf(`{"username":"u","password":"p","platformId":"x","baseUrl":%s}`, quoted),
			fmt.Sprintf(`{"username":"u","password":"p","platformId":"x","baseUrl":"https://user:%s@engage.ringcentral.com"}`,
				strings.Trim(string(quoted), `"`)),
			fmt.Sprintf(`{"adminSecretArn":%s}`, strings.Replace(string(quoted), `"`, `"? `, 1)),
			fmt.Sprintf(`{"password":%s,"password":%s}`, quoted, quoted), fmt.Sprintf(`{"password":%s`, quoted),
		} {
			d.put(tokenSecret, document)
			d.rotateOnce()
			d.invoke(ivr, `{}`)
		}
	}
	d.check()
}

func TestNoSecretLeavesFromAnInvalidEnvironment(t *testing.T) {
	for _, name := range []string{"ENGAGE_BASE_URL", "RINGCENTRAL_BASE_URL", "ENGAGE_ALLOWED_HOSTS",
		"PREVIOUS_TOKEN_RETENTION", "EXCLUSIVE_USER", "PARAMETER_PREFIX", "LOG_LEVEL", "TOKEN_CACHE_TTL", "TOKEN_SECRET_ID"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user := leakUser()
			d := newDeployment(t, engage.FlowEngage, nil, nil,
				map[string]string{name: "https://user:" + user.Password + "@host/" + user.JWT})
			for _, function := range []string{"sweep", "ivr"} {
				d.invoke(d.start(function), `{}`)
			}
			d.rotateOnce()
			d.check()
		})
	}
}
