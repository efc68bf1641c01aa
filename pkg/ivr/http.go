package ivr

import "encoding/json"

// httpEvent is the part of API Gateway's event that is read, of a proxy integration of a REST API
// or HTTP API.
type httpEvent struct {
	QueryStringParameters struct {
		AccountID string `json:"accountId"`
	} `json:"queryStringParameters"`
	RequestContext *struct {
		RequestID string `json:"requestId"`
	} `json:"requestContext"`
}

// isHTTP reports whether the event is API Gateway's: Amazon Connect's has no request context.
func (e httpEvent) isHTTP() bool { return e.RequestContext != nil }

// httpAnswer wraps an answer as API Gateway expects it. The status is always 200: the flow branches
// on the answer's own status, as with Amazon Connect. No cache may keep the answer.
func httpAnswer(body []byte) ([]byte, error) {
	return json.Marshal(map[string]any{
		"statusCode": 200,
		"headers":    map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"},
		"body":       string(body),
	})
}
