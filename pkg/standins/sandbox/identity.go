package sandbox

import (
	"encoding/xml"
	"net/http"
)

// identity is the answer of STS to GetCallerIdentity.
type identity struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	ARN     string   `xml:"GetCallerIdentityResult>Arn"`
	UserID  string   `xml:"GetCallerIdentityResult>UserId"`
	Account string   `xml:"GetCallerIdentityResult>Account"`
	Request string   `xml:"ResponseMetadata>RequestId"`
}

// queryFailure is an error of the services that speak AWS's query protocol.
type queryFailure struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	Type    string   `xml:"Error>Type"`
	Code    string   `xml:"Error>Code"`
	Message string   `xml:"Error>Message"`
}

// byProtocol passes calls with an X-Amz-Target to the stand-ins. The others are of the query
// protocol (STS, IAM, CloudFormation, ...): GetCallerIdentity alone has an answer.
func (s *Sandbox) byProtocol(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") != "" {
		s.services.Load().aws.ServeHTTP(rw, r)
		return
	}
	status := http.StatusOK
	var reply any = identity{ARN: "arn:aws:iam::" + Account + ":user/sandbox", UserID: callerUser, Account: Account,
		Request: "sandbox"}
	r.Body = http.MaxBytesReader(rw, r.Body, 1<<20)
	if action := r.PostFormValue("Action"); action != "GetCallerIdentity" {
		status = http.StatusBadRequest
		reply = queryFailure{Type: "Sender", Code: "NotSupported", Message: "the sandbox has no operation \"" + action +
			"\"; it has Secrets Manager, SSM parameters, Lambda's Invoke and GetFunction, and STS's GetCallerIdentity"}
	}
	rw.Header().Set("Content-Type", "text/xml")
	rw.WriteHeader(status)
	_ = xml.NewEncoder(rw).Encode(reply)
}
