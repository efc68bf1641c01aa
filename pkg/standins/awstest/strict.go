package awstest

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// codeNotSupported is the code of an error that the services do not have: the request may be right,
// and the stand-in does not implement it.
const codeNotSupported = "NotSupported"

func errNotSupported(format string, args ...any) *APIError {
	return failure(codeNotSupported, format+" is not supported by awstest", args...)
}

// decode reads a request into in, a pointer to a struct. It refuses a member that the struct does
// not have: the services know more members than the stand-in, and to ignore one would be to answer
// another request than the caller's.
func decode(action string, body []byte, in any) error {
	var document any
	if json.Unmarshal(body, &document) != nil || json.Unmarshal(body, in) != nil {
		return failure("SerializationException", "The request body could not be read as JSON of this operation.")
	}
	if member := unknownMember(document, reflect.TypeOf(in)); member != "" {
		return errNotSupported("%s: member %s", action, member)
	}
	return checkMinimums(document)
}

// unknownMember returns the path of a member of a JSON document that the type does not have, or "".
// Names must agree exactly, as they do in the services.
func unknownMember(document any, t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch value := document.(type) {
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return ""
		}
		for name, member := range value {
			field, found := t.FieldByName(name)
			if !found || field.Tag.Get("json") == "-" {
				return name
			}
			if below := unknownMember(member, field.Type); below != "" {
				return name + "." + below
			}
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return ""
		}
		for i, element := range value {
			if below := unknownMember(element, t.Elem()); below != "" {
				return fmt.Sprintf("%d.%s", i+1, below)
			}
		}
	}
	return ""
}

// checkMinimums refuses a number that is 0 where the services' model has a minimum of 1. In the
// stand-in's structs 0 means that the member is absent.
func checkMinimums(document any) error {
	members, _ := document.(map[string]any)
	for _, name := range []string{"MaxResults", "PasswordLength", "AutomaticallyAfterDays"} {
		if members[name] == float64(0) {
			return errConstraint("0", lowerFirst(name), "Member must have value greater than or equal to 1")
		}
	}
	if rules := members["RotationRules"]; rules != nil {
		return checkMinimums(rules)
	}
	return nil
}

// lowerFirst returns a member's name as the services' validation errors write it.
func lowerFirst(name string) string { return string(name[0]|0x20) + name[1:] }
