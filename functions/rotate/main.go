// Command rotate is the Lambda function that AWS Secrets Manager calls to rotate an Engage Voice token.
package main

import (
	"engage-token-rotation/pkg/handler"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/wiring"
)

func main() {
	wiring.Start(func(w wiring.Wiring) handler.Handler {
		return handler.Rotate(rotation.New(rotation.Config{
			Secrets:    w.Secrets,
			Parameters: w.Parameters,
			Settings:   w.Settings,
			Transport:  w.Transport,
			Attempt:    handler.RequestID,
			Observe:    w.Output.Observe,
			Log:        w.Output.Log,
		}), w.Output)
	})
}
