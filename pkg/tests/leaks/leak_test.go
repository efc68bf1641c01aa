package leaks_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
)

var flows = []engage.Flow{engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy}

// cleanRun rotates twice without a fault and returns how many calls the second rotation's world has had in all.
func cleanRun(t *testing.T, flow engage.Flow) (vendor, aws int) {
	t.Helper()
	w := newWorld(t, flow, nil, nil, nil)
	for range 2 {
		if !w.rotateOnce() {
			t.Fatalf("a rotation without a fault fails:\n%s", w.output.String())
		}
	}
	w.wire.mu.Lock()
	known := w.wire.finder.Len()
	w.wire.mu.Unlock()
	if want := map[engage.Flow]int{engage.FlowEngage: 9, engage.FlowRingCentral: 10, engage.FlowLegacy: 8}[flow]; known < want {
		t.Fatalf("%d secrets are known, want %d at least", known, want)
	}
	w.invoke(w.start("sweep"), `{}`)
	if result := w.invoke(w.start("ivr"), `{}`); !strings.Contains(string(result.Payload), "99990001") {
		t.Errorf("the IVR function answers %s", result.Payload)
	}
	w.check()
	return w.wire.count(), len(w.aws.Calls())
}

// One fault at every call of two rotations, a sweep and a read, under each flow: nothing that is written or answered
// holds a secret.
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
						w := newWorld(t, flow, &kind, nil, nil)
						w.everything()
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
						w := newWorld(t, flow, nil, onCall(call, kind.action), nil)
						w.everything()
					})
				}
			}
		})
	}
}

// everything runs each function, whatever comes of it.
func (w *world) everything() {
	w.t.Helper()
	w.rotateOnce()
	w.rotateOnce()
	w.invoke(w.start("sweep"), `{}`)
	w.invoke(w.start("ivr"), `{}`)
	w.check()
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
				w := newWorld(t, flow, &kind, nil, nil)
				if w.rotateOnce() {
					t.Error("the rotation succeeded")
				}
				w.invoke(w.start("ivr"), `{}`)
				w.check()
			})
		}
	}
}

// Input that holds secrets where they do not belong: people paste them there.
func TestNoSecretLeavesFromBadInput(t *testing.T) {
	w := newWorld(t, engage.FlowEngage, nil, nil, nil)
	const token = "aws80:5d0a8e3b-9f47-4d83-b1a6-c1d7a3f06f2b"
	w.wire.see("a pasted token", token)
	w.wire.see("a RotationToken", "3f0a1c52-7be9-4e0d-8a55-6d2f4b9c1e77")
	pasted := []string{token, w.user.Password, w.user.JWT, "3f0a1c52-7be9-4e0d-8a55-6d2f4b9c1e77"}
	sweep, ivr := w.start("sweep"), w.start("ivr")
	for _, secret := range pasted {
		quoted, _ := json.Marshal(secret)
		for _, payload := range []string{
			string(quoted), "[" + string(quoted) + "]", "{" + string(quoted) + ":1}",
			fmt.Sprintf(`{"Step":%s}`, quoted), fmt.Sprintf(`{"Step":"createSecret","SecretId":%s}`, quoted),
			fmt.Sprintf(`{"Step":"createSecret","SecretId":"engage/token","ClientRequestToken":%s}`, quoted),
			fmt.Sprintf(`{"Step":"createSecret","SecretId":"engage/none","ClientRequestToken":"0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11","RotationToken":%s}`, quoted),
			fmt.Sprintf(`{"Step":"createSecret","RotationToken":[%s]}`, quoted), fmt.Sprintf(`{"revokePrevious":%s,"x":1}`, quoted), fmt.Sprintf(`{"dryRun":%s}`, quoted), fmt.Sprintf(`{"revokePrevious":%s}`, quoted),
		} {
			if strings.Contains(payload, "SecretId\":"+string(quoted)) && secret == token || strings.HasPrefix(payload, `{"revokePrevious"`) && !strings.Contains(payload, "x") || strings.Contains(payload, "ClientRequestToken\":"+string(quoted)) && secret != w.user.Password {
				continue // names of a form that no one can tell from a secret's: printed as what they claim to be
			}
			w.invoke(w.rotate, payload)
			w.invoke(sweep, payload)
			w.invoke(ivr, payload)
		}
		for _, document := range []string{
			secret, string(quoted), "{" + secret + "}", fmt.Sprintf(`{"password":[%s]}`, quoted), fmt.Sprintf(`{"apiToken":%s}`, strings.Replace(string(quoted), `"`, `" `, 1)),
			fmt.Sprintf(`{"username":"u","password":"p","platformId":"x","loginFlow":%s}`, quoted), fmt.Sprintf(`{"username":"u","password":"p","platformId":"x","baseUrl":%s}`, quoted),
			fmt.Sprintf(`{"username":"u","password":"p","platformId":"x","baseUrl":"https://user:%s@engage.ringcentral.com"}`, strings.Trim(string(quoted), `"`)),
			fmt.Sprintf(`{"adminSecretArn":%s}`, strings.Replace(string(quoted), `"`, `"? `, 1)), fmt.Sprintf(`{"password":%s,"password":%s}`, quoted, quoted), fmt.Sprintf(`{"password":%s`, quoted),
		} {
			w.put(tokenSecret, document)
			w.rotateOnce()
			w.invoke(ivr, `{}`)
		}
	}
	w.check()
}

func TestNoSecretLeavesFromAWrongEnvironment(t *testing.T) {
	for _, name := range []string{"ENGAGE_BASE_URL", "RINGCENTRAL_BASE_URL", "ENGAGE_ALLOWED_HOSTS", "PREVIOUS_TOKEN_RETENTION", "EXCLUSIVE_USER", "PARAMETER_PREFIX", "LOG_LEVEL", "TOKEN_CACHE_TTL", "TOKEN_SECRET_ID"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user := leakUser()
			w := newWorld(t, engage.FlowEngage, nil, nil, map[string]string{name: "https://user:" + user.Password + "@host/" + user.JWT})
			for _, function := range []string{"sweep", "ivr"} {
				w.invoke(w.start(function), `{}`)
			}
			w.rotateOnce()
			w.check()
		})
	}
}
