package engagetest_test

import (
	"fmt"
	"io"
	"net/http"

	"engage-token-rotation/pkg/standins/engagetest"
)

// A server in the process, without a listener. Its second list call fails.
func Example() {
	server := engagetest.NewServer(engagetest.Config{
		NewToken: func() string { return "aws80:c2353445-bc74-af1a-2850-1d55a371c0a9" },
		Fault:    engagetest.Once(engagetest.OpList, 2, engagetest.Before, engagetest.Status(http.StatusBadGateway)),
	})
	token := server.CreateToken(engagetest.DefaultUser().Username)

	client := http.Client{Transport: server.RoundTripper()}
	for range 2 {
		req, _ := http.NewRequest(http.MethodGet, "https://engage.example.com/voice/api/v1/admin/token", nil)
		req.Header.Set("User-Agent", "example/1.0")
		req.Header.Set("X-Auth-Token", token)
		resp, err := client.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		fmt.Println(resp.StatusCode, string(body))
	}
	fmt.Println(server.Count(engagetest.OpList), "calls,", len(server.Violations()), "violations")
	// Output:
	// 200 ["aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"]
	// 502 Bad Gateway
	// 2 calls, 0 violations
}
