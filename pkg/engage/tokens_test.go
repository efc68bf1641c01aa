package engage_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
)

const (
	tokenA = "aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"
	tokenB = "aws80:0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11"
	tokenC = "c1d7a3f0-6f2b-4d83-b1a6-5d0a8e3b9f47"
)

func TestAListIsReadInEveryForm(t *testing.T) {
	cases := map[string]struct {
		body string
		want []string
	}{
		"JSON array":               {`["` + tokenA + `","` + tokenB + `"]`, []string{tokenA, tokenB}},
		"braces":                   {`{ "` + tokenA + `", "` + tokenB + `" }`, []string{tokenA, tokenB}},
		"braces on lines":          {"{\n  \"" + tokenA + "\",\n  \"" + tokenB + "\"\n}", []string{tokenA, tokenB}},
		"braces, comma at the end": {`{ "` + tokenA + `", }`, []string{tokenA}},
		"one in braces":            {`{"` + tokenC + `"}`, []string{tokenC}},
		"white space around":       {" \r\n[ \"" + tokenA + "\" ]\n ", []string{tokenA}},
		"duplicates":               {`["` + tokenA + `","` + tokenB + `","` + tokenA + `"]`, []string{tokenA, tokenB}},
		"escapes":                  {`["` + strings.ReplaceAll(tokenA, ":", `\u003a`) + `"]`, []string{tokenA}},
		"no token":                 {`[]`, nil},
		"no token in braces":       {`{ }`, nil},
		"a token among nonsense": {
			`["", "short", "` + tokenA + `", "with space in the middle", "a/../../../../../../b", null]`,
			[]string{tokenA},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				w.answer(engagetest.OpList, func() *engagetest.Answer { return engagetest.JSON(200, c.body) })
				listed, err := w.client.List(t.Context(), session)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, token := range listed {
					got = append(got, token.Reveal())
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%d tokens, want %d", len(got), len(c.want))
				}
			})
		})
	}
}

func TestWhatIsNoListIsRefused(t *testing.T) {
	bodies := map[string]string{
		"empty": "", "null": "null", "true": "true", "text": tokenA, "string": `"` + tokenA + `"`, "number": "1",
		"object":         `{"tokens":["` + tokenA + `"]}`,
		"error document": `{"errorCode":"x","requestUri":"/y"}`, "array of objects": `[{"token":"` + tokenA + `"}]`,
		"array of numbers": "[1,2]",
		"half an array":    `["` + tokenA + `"`, "two arrays": `["` + tokenA + `"]["` + tokenB + `"]`,
		"nested":   `[["` + tokenA + `"]]`,
		"web page": "<!DOCTYPE html><html></html>", "no entry is a token": `["ok","no"]`, "deep": strings.Repeat("[",
			20000), "one brace": "{", "brace and bracket": `{"` + tokenA + `"]`,
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				w.answer(engagetest.OpList, func() *engagetest.Answer { return engagetest.JSON(200, body) })
				listed, err := w.client.List(t.Context(), session)
				if err == nil || listed != nil {
					t.Fatalf("taken for a list of %d", len(listed))
				}
				if strings.Contains(err.Error(), "c2353445") {
					t.Errorf("the error holds the answer: %v", err)
				}
			})
		})
	}
}

func TestNoTokenIsNotDeleted(t *testing.T) {
	bubble(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		if err := w.client.Delete(t.Context(), session, engage.Token{}); err == nil {
			t.Error("no error")
		}
		if w.server.Count(engagetest.OpDelete)+w.server.Count(engagetest.OpUnknown) != 0 {
			t.Error("something was sent")
		}
	})
}

func TestAccountsAreReadTolerantly(t *testing.T) {
	cases := map[string]struct {
		body string
		want []engage.Account
	}{
		"documented": {
			`[{"accountId":"99990001","accountName":"Example","mainAccountId":"99990000"}]`,
			[]engage.Account{{"99990001", "Example", "99990000"}},
		},
		"numbers": {
			`[{"accountId":99990001,"accountName":null,"mainAccountId":99990000,"more":{}}]`,
			[]engage.Account{{"99990001", "", "99990000"}},
		},
		"none":            {`[]`, []engage.Account{}},
		"missing members": {`[{}]`, []engage.Account{{}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				w.answer(engagetest.OpAccounts, func() *engagetest.Answer { return engagetest.JSON(200, c.body) })
				accounts, err := w.client.Accounts(t.Context(), session)
				if err != nil || !slices.Equal(accounts, c.want) {
					t.Errorf("%v, %v; want %v", accounts, err, c.want)
				}
			})
		})
	}
	for _, body := range []string{"", "null", "{}", "true", "<html>", `["x"]`, `[{"accountId":{}}]`} {
		bubble(t, func(t *testing.T, w *vendorAndClient) {
			session := w.login(t)
			w.answer(engagetest.OpAccounts, func() *engagetest.Answer { return engagetest.JSON(200, body) })
			if accounts, err := w.client.Accounts(t.Context(), session); err == nil {
				t.Errorf("%q taken for %v", body, accounts)
			}
		})
	}
}

// A list may lack a new token for a while; the client returns what the vendor answers, and does not
// wait by itself.
func TestAListThatLacksTheNewTokenIsGivenAsItIs(t *testing.T) {
	bubble(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		w.server.SetPropagation(engagetest.Propagation{NewUnlisted: engagetest.Lag{For: time.Minute}})
		token := w.create(t, session)
		if listed, err := w.client.List(t.Context(), session); err != nil || len(listed) != 0 {
			t.Errorf("%v, %v", listed, err)
		}
		time.Sleep(time.Minute)
		if listed, err := w.client.List(t.Context(), session); err != nil || !slices.Contains(listed, token) {
			t.Errorf("%v, %v", listed, err)
		}
	})
}
