// Command sweep is the Lambda function that on a schedule retires previous tokens, resolves crashed rotations, and
// reports.
package main

import (
	"engage-token-rotation/pkg/handler"
	"engage-token-rotation/pkg/sweep"
	"engage-token-rotation/pkg/wiring"
)

func main() {
	wiring.Start(func(w wiring.Wiring) handler.Handler {
		return handler.Sweep(sweep.New(sweep.Config{
			Secrets:    w.Secrets,
			Parameters: w.Parameters,
			Settings:   w.Settings,
			Transport:  w.Transport,
			Log:        w.Output.Log,
		}), w.Output)
	})
}
