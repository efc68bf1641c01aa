package engagetest

import "engage-token-rotation/pkg/engage"

// LoginFields returns the fields of a secret with which the product logs in as the user. An empty
// flow means engage, the default, and leaves the field loginFlow out.
func (u User) LoginFields(flow engage.Flow) map[string]string {
	fields := map[string]string{}
	if flow != "" {
		fields["loginFlow"] = string(flow)
	}
	switch flow {
	case engage.FlowRingCentral:
		fields["clientId"], fields["clientSecret"], fields["jwt"] = u.ClientID, u.ClientSecret, u.JWT
	case engage.FlowLegacy:
		fields["username"], fields["password"] = u.Username, u.Password
	default:
		fields["username"], fields["password"], fields["platformId"] = u.Username, u.Password, u.PlatformID
	}
	return fields
}
