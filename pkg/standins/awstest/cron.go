package awstest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cron is a schedule by the calendar, in UTC: the hours and days at which a rotation window opens.
type cron struct {
	hours, months       []int
	days                []int // of the month; nil: any
	lastDay             bool  // L in the days
	weekdays            []int // 1 is Sunday; nil: any
	weekday, occurrence int   // n#k in the weekdays
	lastWeekday         int   // nL in the weekdays
}

// parseCron reads the six fields of a cron() expression: minutes (0), hours, day of month, month,
// day of week, year (*).
func parseCron(text string, shortest time.Duration) (*cron, error) {
	fields := strings.Fields(text)
	if len(fields) != 6 {
		return nil, fmt.Errorf("it has %d fields, want 6", len(fields))
	}
	if fields[0] != "0" || fields[5] != "*" {
		return nil, errors.New("the minutes must be 0 and the year *")
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return nil, errors.New("exactly one of day of month and day of week must be ?")
	}
	c := &cron{}
	var err error
	if c.hours, err = cronField(fields[1], 0, 23, nil); err != nil {
		return nil, err
	}
	if c.months, err = cronField(fields[3], 1, 12, monthNames); err != nil {
		return nil, err
	}
	if err := c.parseDays(fields[2], fields[4]); err != nil {
		return nil, err
	}
	for i, hour := range c.hours {
		gap := 24 - hour + c.hours[0]
		if i+1 < len(c.hours) {
			gap = c.hours[i+1] - hour
		}
		if time.Duration(gap)*time.Hour < shortest {
			return nil, fmt.Errorf("rotations must be at least %s apart", strings.TrimSuffix(shortest.String(), "0m0s"))
		}
	}
	return c, nil
}

func (c *cron) parseDays(days, weekdays string) (err error) {
	if days != "?" {
		if c.lastDay = days == "L"; !c.lastDay {
			c.days, err = cronField(days, 1, 31, nil)
		}
		return err
	}
	if day, number, found := strings.Cut(weekdays, "#"); found {
		one, err := cronField(day, 1, 7, weekdayNames)
		if k, convErr := strconv.Atoi(number); err == nil && convErr == nil && len(one) == 1 && k >= 1 && k <= 5 {
			c.weekday, c.occurrence = one[0], k
			return nil
		}
		return fmt.Errorf("cannot read %q", weekdays)
	}
	if day, found := strings.CutSuffix(weekdays, "L"); found {
		one, err := cronField(day, 1, 7, weekdayNames)
		if err != nil || len(one) != 1 {
			return fmt.Errorf("cannot read %q", weekdays)
		}
		c.lastWeekday = one[0]
		return nil
	}
	c.weekdays, err = cronField(weekdays, 1, 7, weekdayNames)
	return err
}

var (
	monthNames   = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

// cronField reads a field: "*", numbers, names, ranges, steps and lists of those. names[0] stands
// for 1.
func cronField(text string, low, high int, names []string) ([]int, error) {
	var values []int
	for part := range strings.SplitSeq(text, ",") {
		body, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return nil, fmt.Errorf("cannot read %q", part)
			}
		}
		first, last := low, high
		if body != "*" {
			from, to, ranged := strings.Cut(body, "-")
			var ok, ok2 bool
			first, ok = cronNumber(from, names)
			last, ok2 = first, true
			if ranged {
				last, ok2 = cronNumber(to, names)
			} else if stepped {
				last = high
			}
			if !ok || !ok2 || first < low || last > high || first > last {
				return nil, fmt.Errorf("cannot read %q", part)
			}
		}
		for value := first; value <= last; value += step {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return slices.Compact(values), nil
}

func cronNumber(text string, names []string) (int, bool) {
	if i := slices.Index(names, strings.ToUpper(text)); i >= 0 {
		return i + 1, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// next implements schedule. It looks eight years ahead: the longest gap of the calendar.
func (c *cron) next(after time.Time) time.Time {
	after = after.UTC()
	day := time.Date(after.Year(), after.Month(), after.Day(), 0, 0, 0, 0, time.UTC)
	for range 8*366 + 1 {
		if c.onDay(day) {
			for _, hour := range c.hours {
				if at := day.Add(time.Duration(hour) * time.Hour); at.After(after) {
					return at
				}
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}
}

func (c *cron) onDay(day time.Time) bool {
	if !slices.Contains(c.months, int(day.Month())) {
		return false
	}
	weekday := int(day.Weekday()) + 1
	lastWeek := day.AddDate(0, 0, 7).Month() != day.Month()
	switch {
	case c.lastDay:
		return day.AddDate(0, 0, 1).Month() != day.Month()
	case c.occurrence > 0:
		return weekday == c.weekday && (day.Day()-1)/7+1 == c.occurrence
	case c.lastWeekday > 0:
		return weekday == c.lastWeekday && lastWeek
	case c.weekdays != nil:
		return slices.Contains(c.weekdays, weekday)
	}
	return slices.Contains(c.days, day.Day())
}
