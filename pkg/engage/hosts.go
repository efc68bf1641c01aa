package engage

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// twins are the two hosts that the vendor's pages name for the same API: the older ones engage, the
// current ones ringcx.
var twins = map[string]string{
	"engage.ringcentral.com": "ringcx.ringcentral.com",
	"ringcx.ringcentral.com": "engage.ringcentral.com",
}

// Twin finds out, after a call to the client's host failed with err, whether the vendor's other
// host has the API. The host is "" if err does not point to a wrong host, or if the vendor names
// only one host for this endpoint.
//
// It sends a list without credentials: a host with the API refuses that with 401 or 403. The other
// host gets no credential, and the client goes on calling its own.
func (c *Client) Twin(ctx context.Context, err error) (host string, answers bool) {
	base := c.config.Endpoint.BaseURL
	other := twins[base.Host]
	var e *Error
	if other == "" || c.config.Endpoint.Flow == FlowLegacy || !errors.As(err,
		&e) || e.Host != base.Host || !e.elsewhere() {
		return "", false
	}
	at := url.URL{Scheme: base.Scheme, Host: other, Path: c.flow.api() + "/v1/admin/token"}
	ctx, cancel := context.WithTimeout(ctx, c.config.CallTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return other, false
	}
	request.Header.Set("User-Agent", UserAgent)
	response, err := c.config.Transport.RoundTrip(request)
	if err != nil {
		return other, false
	}
	_ = response.Body.Close()
	return other, response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden
}

// elsewhere reports whether the error is what a host without the API gives: no answer, a web page,
// a redirect or an unknown path.
func (e *Error) elsewhere() bool {
	return e.Status == 0 || e.WebPage || e.Status == http.StatusNotFound || e.Status/100 == 3
}
