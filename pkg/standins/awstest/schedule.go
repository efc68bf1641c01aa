package awstest

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const defaultInterval = 4 * time.Hour

// RotationRules is the schedule of a secret: AutomaticallyAfterDays, or ScheduleExpression as
// "rate(4 hours)", "rate(10 days)" or "cron(0 16 1,15 * ? *)" in UTC, with a window of Duration
// ("3h").
type RotationRules struct {
	AutomaticallyAfterDays int64  `json:",omitempty"`
	Duration               string `json:",omitempty"`
	ScheduleExpression     string `json:",omitempty"`
}

// schedule returns the next time after a given one, or the zero time if there is none.
type schedule interface {
	next(after time.Time) time.Time
}

// interval is a schedule at a fixed distance.
type interval time.Duration

func (i interval) next(after time.Time) time.Time { return after.Add(time.Duration(i)) }

// never is the schedule of a secret without rules.
type never struct{}

func (never) next(time.Time) time.Time { return time.Time{} }

var (
	rateExpression = regexp.MustCompile(`^rate\((\d{1,6}) (second|minute|hour|day)s?\)$`)
	cronExpression = regexp.MustCompile(`^cron\(([^()]+)\)$`)
	windowLength   = regexp.MustCompile(`^[0-9]{1,2}h$`)
)

// parseSchedule checks rules as RotateSecret does.
func parseSchedule(rules RotationRules, shortest time.Duration) (schedule, error) {
	if rules.Duration != "" && !windowLength.MatchString(rules.Duration) {
		return nil, errConstraint(rules.Duration, "rotationRules.duration",
			"Member must satisfy regular expression pattern: [0-9h]+")
	}
	switch days := rules.AutomaticallyAfterDays; {
	case days != 0 && rules.ScheduleExpression != "":
		return nil, failure(codeInvalidParameter, "You can't specify both AutomaticallyAfterDays and ScheduleExpression.")
	case days < 0 || days > 1000:
		return nil, errConstraint(strconv.FormatInt(days, 10), "rotationRules.automaticallyAfterDays",
			"Member must have value between 1 and 1000, inclusive")
	case days != 0:
		return interval(days) * interval(24*time.Hour), nil
	case rules.ScheduleExpression == "":
		return never{}, nil
	}
	if match := rateExpression.FindStringSubmatch(rules.ScheduleExpression); match != nil {
		return parseRate(match[1], match[2], shortest)
	}
	if match := cronExpression.FindStringSubmatch(rules.ScheduleExpression); match != nil {
		parsed, err := parseCron(match[1], shortest)
		if err != nil {
			return nil, failure(codeInvalidParameter, "The schedule expression %s is invalid: %v", rules.ScheduleExpression, err)
		}
		return parsed, nil
	}
	return nil, failure(codeInvalidParameter, "The schedule expression %s is invalid: use rate() or cron().",
		rules.ScheduleExpression)
}

func parseRate(number, unit string, shortest time.Duration) (schedule, error) {
	n, _ := strconv.Atoi(number)
	length := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour,
		"day": 24 * time.Hour}[unit]
	if length < time.Hour && shortest >= time.Hour {
		return nil, failure(codeInvalidParameter, "A rate() expression takes hours or days.")
	}
	if length *= time.Duration(n); length < shortest || length > 999*24*time.Hour {
		return nil, failure(codeInvalidParameter, "The rotation rate must be between %s and 999 days.",
			strings.TrimSuffix(shortest.String(), "0m0s"))
	}
	return interval(length), nil
}

// reschedule sets the time of the next rotation, from now.
func (s *SecretsManager) reschedule(sec *secret, now time.Time) {
	sec.nextRotation = time.Time{}
	if !sec.enabled {
		return
	}
	if parsed, err := parseSchedule(sec.rules, s.config.MinimumInterval); err == nil {
		sec.nextRotation = parsed.next(now)
	}
}

// RunDue starts the rotation of each secret that is due by its schedule, in the order of the names.
// With SecretsConfig.Invoke they run in the background; without it the caller drives them. If an
// earlier rotation is incomplete, that one is run again instead.
func (s *SecretsManager) RunDue(now time.Time) []Run {
	var runs []Run
	for _, name := range s.due(now) {
		run, err := s.begin(&RotateSecretInput{SecretId: name})
		if run == nil && err != nil {
			if resumed, resumeErr := s.ResumeRotation(name); resumeErr == nil {
				run = &resumed
			}
		}
		if run != nil {
			s.start(*run)
			runs = append(runs, *run)
		}
	}
	return runs
}

func (s *SecretsManager) due(now time.Time) []string {
	s.mu.Lock()
	defer s.unlock()
	var due []string
	for _, name := range s.names {
		sec := s.byName[name]
		if sec.enabled && sec.deleteAt.IsZero() && !sec.nextRotation.IsZero() && !now.Before(sec.nextRotation) {
			s.reschedule(sec, now)
			due = append(due, name)
		}
	}
	return due
}

// RunSchedules starts due rotations once in each period, until ctx is done. It returns ctx's error.
func (s *SecretsManager) RunSchedules(ctx context.Context, period time.Duration) error {
	for {
		if err := s.config.Sleep(ctx, period); err != nil {
			return fmt.Errorf("rotation schedules: %w", err)
		}
		s.RunDue(s.config.Now())
	}
}
