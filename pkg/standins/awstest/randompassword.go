package awstest

import (
	"crypto/rand"
	"math/big"
	"strconv"
	"strings"
)

// GetRandomPasswordInput is the request of GetRandomPassword. PasswordLength is 32 if it is 0.
// RequireEachIncludedType is true if it is nil.
type GetRandomPasswordInput struct {
	PasswordLength          int
	ExcludeCharacters       string
	ExcludeLowercase        bool
	ExcludeNumbers          bool
	ExcludePunctuation      bool
	ExcludeUppercase        bool
	IncludeSpace            bool
	RequireEachIncludedType *bool
}

// GetRandomPasswordOutput is the answer of GetRandomPassword. The password is a secret: do not
// print it.
type GetRandomPasswordOutput struct{ RandomPassword string }

const (
	defaultPasswordLength = 32
	maxPasswordLength     = 4096
)

// GetRandomPassword makes a random password, with at least one small and one capital letter, one
// number and one punctuation character, as far as they are not excluded.
func (s *SecretsManager) GetRandomPassword(in *GetRandomPasswordInput) (*GetRandomPasswordOutput, error) {
	if err := s.throttle.take("GetRandomPassword"); err != nil {
		return nil, err
	}
	length, types := in.PasswordLength, in.types()
	if length == 0 {
		length = defaultPasswordLength
	}
	all := strings.Join(types, "")
	if in.IncludeSpace && !strings.Contains(in.ExcludeCharacters, " ") {
		all += " "
	}
	required := types
	if in.RequireEachIncludedType != nil && !*in.RequireEachIncludedType {
		required = nil
	}
	switch {
	case length < 0 || length > maxPasswordLength:
		return nil, errConstraint(strconv.Itoa(length), "passwordLength",
			"Member must have value less than or equal to "+strconv.Itoa(maxPasswordLength))
	case all == "":
		return nil, failure(codeInvalidParameter, "You can't exclude every character.")
	case length < len(required):
		return nil, failure(codeInvalidParameter, "Password length %d is too short based on the required types.", length)
	}
	password := make([]byte, 0, length)
	for _, characters := range required {
		password = append(password, characters[random(len(characters))])
	}
	for len(password) < length {
		password = append(password, all[random(len(all))])
	}
	for i := range password {
		j := i + random(length-i)
		password[i], password[j] = password[j], password[i]
	}
	return &GetRandomPasswordOutput{RandomPassword: string(password)}, nil
}

// types returns the characters of each required type that are not excluded.
func (in *GetRandomPasswordInput) types() (types []string) {
	for _, kind := range []struct {
		characters string
		excluded   bool
	}{
		{"abcdefghijklmnopqrstuvwxyz", in.ExcludeLowercase},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZ", in.ExcludeUppercase},
		{"0123456789", in.ExcludeNumbers},
		{"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", in.ExcludePunctuation},
	} {
		left := strings.Map(func(r rune) rune {
			if strings.ContainsRune(in.ExcludeCharacters, r) {
				return -1
			}
			return r
		}, kind.characters)
		if !kind.excluded && left != "" {
			types = append(types, left)
		}
	}
	return types
}

// random returns a number from 0 to n-1.
func random(n int) int {
	number, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // the system's source of random numbers does not fail
	}
	return int(number.Int64())
}
