package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"engage-token-rotation/pkg/decide"
)

// timeline prints for people what happens.
type timeline struct {
	out io.Writer
	palette
}

func (t timeline) line(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// stepAnswer is the part of the rotate function's answer that is printed.
type stepAnswer struct {
	Case        decide.Case
	Outcome     string
	Fingerprint string
	Previous    string
	Deleted     []string
	Retiring    int
	Preflight   *struct {
		Flow, Host       string
		Accounts, Tokens int
	}
}

// step prints a step over several lines.
func (t timeline) step(i Invocation) {
	what := t.what(i)
	if i.Init > 0 {
		what += t.dim(fmt.Sprintf("  (cold start %s)", round(i.Init)))
	}
	t.line("  %s %8s  %s", t.bold(pad(subject(i), 12)), round(i.Duration), what)
	const margin = "                         "
	if calls := engageCalls(i); calls != "" {
		t.line("%s%s", margin, t.dim("Engage           "+calls))
	}
	if calls := awsCalls(i, "secretsmanager:"); calls != "" {
		t.line("%s%s", margin, t.dim("Secrets Manager  "+calls))
	}
	if calls := awsCalls(i, "ssm:"); calls != "" {
		t.line("%s%s", margin, t.dim("Parameter Store  "+calls))
	}
}

// brief prints an invocation in one line.
func (t timeline) brief(i Invocation, secretName string) {
	calls := engageCalls(i)
	if calls == "" {
		calls = "none"
	}
	t.line("%s  %s %8s  %s  %s", t.dim(i.Started.Format(time.TimeOnly)), t.bold(pad(subject(i), 12)),
		round(i.Duration), t.what(i),
		t.dim(fmt.Sprintf("%s; Engage: %s; AWS: %d calls", secretName, calls, len(i.AWS))))
}

// subject returns the step, or the function's name.
func subject(i Invocation) string { return cmp.Or(i.Step, i.Function) }

// what returns a sentence about an invocation's result.
func (t timeline) what(i Invocation) string {
	if i.Error != "" {
		// The error begins with the step, secret and version, which the line has already.
		_, message, found := strings.Cut(i.Error, " version "+i.Version+": ")
		if !found {
			message = i.Error
		}
		return t.red("failed: ") + message
	}
	if !isRotation(i.Function) {
		return "answered " + shorten(string(i.Answer), 300)
	}
	var a stepAnswer
	if json.Unmarshal(i.Answer, &a) != nil {
		return shorten(string(i.Answer), 100)
	}
	token := t.blue(a.Fingerprint)
	switch a.Outcome {
	case "created":
		if a.Case == decide.C5 {
			return "put token " + token + ", which an earlier attempt created, into the pending version"
		}
		return "made token " + token + " and put it into the pending version"
	case "checked":
		return "the pending version is for the same host and user; nothing to change at Engage"
	case "verified":
		return "token " + token + " works: it lists itself"
	case "preflight":
		return t.preflight(a)
	case "swapped":
		return "token " + token + t.green(" is current") + t.gone(a)
	case "resumed":
		return "token " + token + " was current already" + t.gone(a)
	case "unchanged":
		return "token " + token + " is there already; nothing to do"
	}
	return a.Outcome + " " + token
}

func (t timeline) preflight(a stepAnswer) string {
	if a.Preflight == nil {
		return "preflight"
	}
	return fmt.Sprintf("preflight: flow %s at %s reaches %d accounts and %d tokens", a.Preflight.Flow, a.Preflight.Host,
		a.Preflight.Accounts, a.Preflight.Tokens)
}

// gone returns the end of a sentence about the previous tokens.
func (t timeline) gone(a stepAnswer) string {
	var text string
	if len(a.Deleted) > 0 {
		text += "; deleted " + strings.Join(a.Deleted, ", ")
	} else if a.Previous == "" {
		text += "; it is the first one"
	}
	if a.Retiring > 0 {
		text += fmt.Sprintf("; %d to be deleted later", a.Retiring)
	}
	return text
}

// engageCalls lists the calls to the vendor, with their errors.
func engageCalls(i Invocation) string {
	var names []string
	for _, call := range i.Engage {
		name := call.Operation
		if call.Fault != "" {
			name += " [" + call.Fault + "]"
		} else if call.Status >= 300 {
			name += fmt.Sprintf(" [%d]", call.Status)
		}
		names = append(names, name)
	}
	return tally(names)
}

func awsCalls(i Invocation, service string) string {
	var names []string
	for _, call := range i.AWS {
		name, ok := strings.CutPrefix(call.Action, service)
		if !ok {
			continue
		}
		if call.Code != "" && call.Code != "ResourceNotFoundException" && call.Code != "ParameterNotFound" {
			name += " [" + call.Code + "]"
		}
		names = append(names, name)
	}
	return tally(names)
}

// tally lists names in the order of their first occurrence, each with its count.
func tally(names []string) string {
	var order []string
	counts := map[string]int{}
	for _, name := range names {
		if counts[name]++; counts[name] == 1 {
			order = append(order, name)
		}
	}
	for n, name := range order {
		if counts[name] > 1 {
			order[n] = fmt.Sprintf("%s ×%d", name, counts[name])
		}
	}
	return strings.Join(order, ", ")
}

func round(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return d.Round(100 * time.Millisecond).String()
}

func pad(text string, width int) string { return fmt.Sprintf("%-*s", width, text) }

func shorten(text string, length int) string {
	if runes := []rune(text); len(runes) > length {
		return string(runes[:length]) + "…"
	}
	return text
}
