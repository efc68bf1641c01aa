package engage

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"engage-token-rotation/pkg/hidden"
)

// Flow names one of the vendor's ways to log in.
type Flow string

// The login flows.
const (
	// FlowEngage is the direct login of the Engage platform with user name, password and platform
	// id.
	FlowEngage Flow = "engage"
	// FlowRingCentral is the JWT grant of the RingCentral platform and the exchange of its access
	// token.
	FlowRingCentral Flow = "ringcentral"
	// FlowLegacy is the form login of the legacy portals.
	FlowLegacy Flow = "legacy"
)

// Credentials are what a login needs. Each field names the flows that use it. The secret fields do
// not print.
type Credentials struct {
	Flow Flow

	Username   string        // engage, legacy
	Password   hidden.String // engage, legacy
	PlatformID string        // engage

	ClientID     string        // ringcentral
	ClientSecret hidden.String // ringcentral
	JWT          hidden.String // ringcentral
}

// User names the user that logs in: by the user name, or for FlowRingCentral by the client id and
// the JWT's subject. The name holds no secret, and equal users have equal names.
func (c Credentials) User() string {
	if c.Flow == FlowRingCentral {
		return c.ClientID + "/" + c.jwtSubject()
	}
	return strings.ToLower(strings.TrimSpace(c.Username))
}

// jwtSubject returns the subject of the JWT. It does not check the signature: the vendor does. For
// a JWT that cannot be read it returns a digest of the text.
func (c Credentials) jwtSubject() string {
	var claims struct {
		Subject string `json:"sub"`
	}
	if parts := strings.Split(c.JWT.Reveal(), "."); len(parts) == 3 {
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil && json.Unmarshal(payload, &claims) == nil && claims.Subject != "" {
			return claims.Subject
		}
	}
	return hidden.Fingerprint(c.JWT.Reveal())
}
