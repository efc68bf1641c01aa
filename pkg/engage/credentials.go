package engage

import (
	"engage-token-rotation/pkg/hidden"
)

// Flow names one of the vendor's ways to log in.
type Flow string

// The login flows.
const (
	// FlowEngage is the direct login of the Engage platform with user name, password and platform id.
	FlowEngage Flow = "engage"
	// FlowRingCentral is the JWT grant of the RingCentral platform and the exchange of its access token.
	FlowRingCentral Flow = "ringcentral"
	// FlowLegacy is the form login of the legacy portals.
	FlowLegacy Flow = "legacy"
)

// Credentials are what a login needs. Which fields count is the flow's matter; the secret fields do not print.
type Credentials struct {
	Flow Flow

	Username   string        // engage, legacy
	Password   hidden.String // engage, legacy
	PlatformID string        // engage

	ClientID     string        // ringcentral
	ClientSecret hidden.String // ringcentral
	JWT          hidden.String // ringcentral
}
