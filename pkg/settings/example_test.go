package settings_test

import (
	"errors"
	"fmt"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/settings"
)

// The settings of the environment decide where the calls of a secret go. The field baseUrl of the
// secret overrides them, but only with a host on the allow-list.
func ExampleSettings_Endpoint() {
	environment := map[string]string{"ENGAGE_BASE_URL": "https://engage.example.com"}
	s, err := settings.FromEnvironment(func(name string) string { return environment[name] })
	if err != nil {
		fmt.Println(err)
		return
	}
	endpoint, err := s.Endpoint(engage.FlowEngage, "")
	fmt.Println(endpoint.BaseURL, err)
	_, err = s.Endpoint(engage.FlowEngage, "https://other.example.com")
	fmt.Println(errors.Is(err, settings.ErrInvalid))
	// Output:
	// https://engage.example.com <nil>
	// true
}
