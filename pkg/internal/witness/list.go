// Package witness lists an Engage user's tokens and believes a list only as far as it agrees with
// what is known. A list may be cut, empty for once, or another user's.
package witness

import (
	"context"
	"errors"
	"slices"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/parallel"
)

// Before lists the user's tokens ahead of a creation: twice when the secret has no current token by
// which a list could be checked, and then what either holds counts. So a token that existed before
// the creation is not taken for one that appeared after it. A list ahead, which the current token
// asked for during the login, is taken as it is.
func Before(ctx context.Context, client *engage.Client, session *engage.Session, current engage.Token,
	ahead []engage.Token) ([]engage.Token, error) {
	if ahead != nil {
		return ahead, nil
	}
	var first, second []engage.Token
	again := func() (err error) { second, err = client.List(ctx, session); return err }
	if !current.IsZero() {
		again = nil
	}
	err := parallel.Do(func() (err error) { first, err = client.List(ctx, session); return err }, again)
	return union(first, second), err
}

// Check checks what Before returned. A list that was asked for with the current token, ahead, is
// another user's unless the token is ours, which means that the ledger names it as this user's:
// then the session lists. If a list lacks the current token, Check returns what it and a second
// list hold: the token may be dead, or another user's, or the list wrong, which is an error.
func Check(ctx context.Context, client *engage.Client, session *engage.Session, current engage.Token, ours, ahead bool,
	listed []engage.Token) (_ []engage.Token, err error) {
	if ahead && !ours {
		if listed, err = client.List(ctx, session); err != nil {
			return nil, err
		}
	}
	if current.IsZero() || slices.Contains(listed, current) { //safeguard:doubtful-lists-are-checked on
		return listed, nil
	}
	own, err := client.List(ctx, current)
	if engage.Rejected(err) { // dead
		own, err = client.List(ctx, session)
	}
	if err == nil && ours && slices.Contains(own, current) {
		err = errors.New("the user's list lacks the token of AWSCURRENT, which answers and is this user's")
	}
	return union(listed, own), err
}

func union(a, b []engage.Token) []engage.Token {
	for _, token := range b {
		if !slices.Contains(a, token) {
			a = append(a, token)
		}
	}
	return a
}

// Own lists with a token and returns the list, which holds the token. The vendor may be slow to
// know a new token, so that a doubtful answer is asked for again until the poll is over.
func Own(ctx context.Context, client *engage.Client, token engage.Token, poll *clock.Poll) ([]engage.Token, error) {
	for {
		listed, err := client.List(ctx, token)
		if err == nil || !Doubtful(err) || !poll.Next(ctx) {
			return listed, err
		}
	}
}

// Doubtful reports whether a list that was asked for with a token was refused, or lacks the token.
func Doubtful(err error) bool { return engage.Rejected(err) || engage.Disbelieved(err) }
