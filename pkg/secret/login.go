package secret

import (
	"fmt"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
)

// Login is what the documents say about logging in: the credentials, and the host if they name one.
type Login struct {
	Credentials engage.Credentials
	// BaseURL is the field baseUrl, unchecked: the settings decide whether the host may be called.
	BaseURL string
}

// NewLogin reads the login fields from the token secret's document and from the admin secret's. A
// field of the token secret overrides the same field of the admin secret. admin is nil if there is
// none.
func NewLogin(document, admin *Document) (Login, error) {
	flow, err := NewFlow(document, admin)
	if err != nil {
		return Login{}, err
	}
	fields := pair{document, admin}
	login := Login{Credentials: engage.Credentials{Flow: flow}, BaseURL: NewBaseURL(document, admin)}
	c := &login.Credentials
	switch flow {
	case engage.FlowRingCentral:
		err = fields.require(flow,
			want{FieldClientID, func(v hidden.String) { c.ClientID = v.Reveal() }},
			want{FieldClientSecret, func(v hidden.String) { c.ClientSecret = v }},
			want{FieldJWT, func(v hidden.String) { c.JWT = v }})
	case engage.FlowLegacy:
		err = fields.require(flow,
			want{FieldUsername, func(v hidden.String) { c.Username = v.Reveal() }},
			want{FieldPassword, func(v hidden.String) { c.Password = v }})
	default:
		err = fields.require(flow,
			want{FieldUsername, func(v hidden.String) { c.Username = v.Reveal() }},
			want{FieldPassword, func(v hidden.String) { c.Password = v }},
			want{FieldPlatformID, func(v hidden.String) { c.PlatformID = v.Reveal() }})
	}
	return login, err
}

// NewFlow reads the login flow, which is [engage.FlowEngage] if no document names one. admin may be
// nil.
func NewFlow(document, admin *Document) (engage.Flow, error) {
	value := pair{document, admin}.read(FieldLoginFlow).Reveal()
	switch flow := engage.Flow(value); flow {
	case "":
		return engage.FlowEngage, nil
	case engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy:
		return flow, nil
	}
	return "", &FieldError{Field: FieldLoginFlow, Fault: "is not a login flow; use engage, ringcentral or legacy"}
}

// NewBaseURL reads the field baseUrl, or "" if no document has it. admin may be nil.
func NewBaseURL(document, admin *Document) string {
	return pair{document, admin}.read(FieldBaseURL).Reveal()
}

// pair is a token secret's document and its admin secret's, which may be nil.
type pair struct{ document, admin *Document }

func (p pair) read(name string) hidden.String {
	value, ok := p.document.read(name)
	if !ok && p.admin != nil {
		value = p.admin.field(name)
	}
	return hidden.New(value)
}

// want is a required field and where its value goes.
type want struct {
	name string
	set  func(hidden.String)
}

func (p pair) require(flow engage.Flow, wanted ...want) error {
	for _, w := range wanted {
		value := p.read(w.name)
		if value.IsZero() {
			where := "in the secret; or name a separate admin secret in " + FieldAdminSecretARN
			if p.admin != nil {
				where = "in the admin secret that " + FieldAdminSecretARN + " names"
			}
			return &FieldError{Field: w.name,
				Fault: fmt.Sprintf("is missing or empty, and login flow %s needs it; put it %s", flow, where)}
		}
		w.set(value)
	}
	return nil
}

// HasLoginField reports whether the document has a login field of its own.
func (d *Document) HasLoginField() bool {
	for _, name := range []string{FieldUsername, FieldPassword, FieldPlatformID, FieldClientID, FieldClientSecret,
		FieldJWT} {
		if _, ok := d.read(name); ok {
			return true
		}
	}
	return false
}
