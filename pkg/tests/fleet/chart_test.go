package fleet_test

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// The measures of the chart, in pixels.
const (
	chartWidth  = 800
	chartHeight = 420
	chartLeft   = 70
	chartRight  = 270
	chartTop    = 40
	chartBottom = 50
)

// line is a curve of the chart.
type line struct {
	name   string
	color  string
	points map[int]time.Duration // by the number of secrets
}

var colors = []string{"#0969da", "#8250df", "#1a7f37", "#9a6700", "#cf222e"}

// chart draws how long all sweeps together take until nothing is due, over the number of secrets,
// as an SVG with logarithmic scales.
func chart(rows []campaign) string {
	var lines []*line
	byName := map[string]*line{}
	for _, c := range rows {
		if c.secrets < 10 {
			continue
		}
		name := strings.TrimPrefix(c.name(), fmt.Sprintf("%d secrets, ", c.secrets))
		l := byName[name]
		if l == nil {
			l = &line{name: name, color: colors[len(lines)%len(colors)], points: map[int]time.Duration{}}
			lines, byName[name] = append(lines, l), l
		}
		for _, s := range c.sweeps {
			l.points[c.secrets] += s.took
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">
<style>text{font:13px system-ui,sans-serif;fill:#24292f}</style>
<rect width="100%%" height="100%%" fill="#ffffff"/>
<text x="12" y="22" style="font-weight:600">Time of the sweeps until nothing is due, by the number of secrets</text>
`, chartWidth, chartHeight)
	for _, n := range decades {
		x := across(n)
		rule(&b, x, x, chartTop, chartHeight-chartBottom, "#d0d7de", 1)
		text(&b, x, chartHeight-chartBottom+20, "middle", fmt.Sprint(n))
	}
	for seconds := 1; seconds <= 100_000; seconds *= 10 {
		y := up(time.Duration(seconds) * time.Second)
		rule(&b, chartLeft, chartWidth-chartRight, y, y, "#d0d7de", 1)
		text(&b, chartLeft-8, y+4, "end", fmt.Sprintf("%d s", seconds))
	}
	for n, l := range lines {
		drawLine(&b, l, float64(chartTop+20+20*n))
	}
	return b.String() + "</svg>\n"
}

var decades = []int{10, 100, 1000, 10_000}

func rule(b *strings.Builder, x1, x2, y1, y2 float64, color string, width float64) {
	fmt.Fprintf(b, `<line x1="%.0f" x2="%.0f" y1="%.0f" y2="%.0f" stroke="%s" stroke-width="%.1f"/>`+"\n",
		x1, x2, y1, y2, color, width)
}

func text(b *strings.Builder, x, y float64, anchor, words string) {
	fmt.Fprintf(b, `<text x="%.0f" y="%.0f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(words))
}

func drawLine(b *strings.Builder, l *line, legend float64) {
	var points []string
	for _, n := range decades {
		if d, ok := l.points[n]; ok {
			points = append(points, fmt.Sprintf("%.0f,%.0f", across(n), up(d)))
		}
	}
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="2.5" points="%s"/>`+"\n", l.color,
		strings.Join(points, " "))
	const x = chartWidth - chartRight + 14
	rule(b, x, x+18, legend, legend, l.color, 2.5)
	text(b, x+24, legend+4, "start", l.name)
}

// across and up place a point.
func across(secrets int) float64 {
	return chartLeft + (math.Log10(float64(secrets))-1)/3*(chartWidth-chartLeft-chartRight)
}

func up(d time.Duration) float64 {
	return chartHeight - chartBottom - max(0, math.Log10(d.Seconds()))/5*(chartHeight-chartTop-chartBottom)
}
