package hidden_test

import (
	"encoding/json"
	"fmt"

	"engage-token-rotation/pkg/hidden"
)

// A struct with a hidden password can be printed, logged and encoded.
func Example() {
	login := struct {
		Username string
		Password hidden.String
	}{"api.user@example.com", hidden.New("correct horse")}

	fmt.Printf("%v\n", login)
	encoded, _ := json.Marshal(login)
	fmt.Println(string(encoded))
	fmt.Println(len(login.Password.Reveal()), "characters")
	// Output:
	// {api.user@example.com [hidden]}
	// {"Username":"api.user@example.com","Password":"[hidden]"}
	// 13 characters
}

// A fingerprint identifies a token in logs and reports.
func ExampleFingerprint() {
	fmt.Println(hidden.Fingerprint("aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"))
	// Output: c9473d840069
}
