package lambdatest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// API is Lambda's calls Invoke and GetFunction, for `aws lambda invoke --endpoint-url` and the
// SDKs. Invoke has the invocation types RequestResponse, Event (not retried) and DryRun, and the
// log tail; GetFunction has the configuration. No signature is checked. API is an http.Handler and
// safe for concurrent use. The zero API has no functions.
type API struct {
	mu        sync.Mutex
	functions map[string]*Function
}

// NewAPI returns an API with the functions.
func NewAPI(functions ...*Function) *API {
	a := &API{}
	for _, f := range functions {
		a.Register(f)
	}
	return a
}

// Register adds a function, and removes one of the same name.
func (a *API) Register(f *Function) { a.RegisterAs(f.Name(), f) }

// RegisterAs adds a function by another name too. GetFunction answers its own name and ARN.
func (a *API) RegisterAs(name string, f *Function) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.functions == nil {
		a.functions = map[string]*Function{}
	}
	a.functions[name] = f
}

// Function returns a function by its name, by its ARN, or by the part of an ARN that begins with
// the account or the word function, with or without the qualifier $LATEST. It returns nil if there
// is none.
func (a *API) Function(name string) *Function {
	if _, rest, found := strings.Cut(name, "function:"); found {
		name = rest
	}
	if name, qualifier, found := strings.Cut(name, ":"); found {
		if qualifier != functionVersion {
			return nil
		}
		return a.byName(name)
	}
	return a.byName(name)
}

func (a *API) byName(name string) *Function {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.functions[name]
}

const (
	functionsPrefix = "/2015-03-31/functions/"
	invokeSuffix    = "/invocations"
)

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", newUUID())
	escaped, _ := strings.CutPrefix(r.URL.EscapedPath(), functionsPrefix)
	escaped, isInvoke := strings.CutSuffix(escaped, invokeSuffix)
	name, err := url.PathUnescape(escaped)
	method := http.MethodGet
	if isInvoke {
		method = http.MethodPost
	}
	if err != nil || escaped == "" || strings.Contains(escaped, "/") || r.Method != method {
		decline(w, http.StatusNotFound, "UnknownOperationException",
			"this stand-in has Invoke and GetFunction alone; use one of these")
		return
	}
	f := a.Function(name)
	if qualifier := r.URL.Query().Get("Qualifier"); f == nil || qualifier != "" && qualifier != functionVersion {
		decline(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+name)
		return
	}
	if isInvoke {
		a.serveInvoke(w, r, f)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"Configuration": f.config.description()})
}

// description returns the part of FunctionConfiguration that a Config has.
func (c Config) description() map[string]any {
	return map[string]any{
		"FunctionName": c.FunctionName, "FunctionArn": c.FunctionARN, "Version": functionVersion,
		"Runtime": "provided.al2023", "Handler": c.Handler, "PackageType": "Zip", "State": "Active",
		"Timeout": int(c.Timeout.Seconds()), "MemorySize": c.MemoryMB,
		"LoggingConfig": map[string]string{"LogFormat": c.LogFormat, "LogGroup": "/aws/lambda/" + c.FunctionName},
	}
}

// serveInvoke is Invoke.
func (a *API) serveInvoke(w http.ResponseWriter, r *http.Request, f *Function) {
	payload, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	if err != nil {
		return // the client has gone
	}
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if len(payload) <= MaxPayload && !json.Valid(payload) {
		decline(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
		return
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
		a.invoke(w, r, f, payload)
	case "Event":
		if err := f.enqueue(payload); err != nil {
			declineFor(w, err)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		decline(w, http.StatusBadRequest, "InvalidParameterValueException", "unknown invocation type")
	}
}

func (a *API) invoke(w http.ResponseWriter, r *http.Request, f *Function, payload []byte) {
	result, err := f.Invoke(r.Context(), payload)
	if err != nil {
		declineFor(w, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("X-Amz-Executed-Version", functionVersion)
	header.Set("X-Amzn-Requestid", result.RequestID)
	if result.FunctionError != "" {
		header.Set("X-Amz-Function-Error", result.FunctionError)
	}
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		header.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(result.LogTail))
	}
	_, _ = w.Write(result.Payload)
}

// declineFor returns the service's answer for an error of Invoke.
func declineFor(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrThrottled):
		decline(w, http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
	case errors.Is(err, ErrTooLarge):
		decline(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException",
			"Request must be smaller than 6291456 bytes for the InvokeFunction operation")
	default:
		decline(w, http.StatusInternalServerError, "ServiceException", err.Error())
	}
}

func decline(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Type": "User", "Message": message})
}
