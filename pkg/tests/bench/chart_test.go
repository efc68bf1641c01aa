package bench_test

import (
	"fmt"
	"html"
	"os"
	"strings"
)

// panel is a group of horizontal bars on one scale.
type panel struct {
	title string
	unit  string
	bars  []bar
}

// bar is a median with minimum and maximum.
type bar struct {
	name   string
	figure figure
	// ours is a function of this product, drawn in another colour than a yardstick.
	ours bool
}

// The measures of the chart, in pixels.
const (
	chartWidth  = 760
	nameWidth   = 190
	barsWidth   = 440
	barHeight   = 20
	titleHeight = 34
)

// chart draws the panels one below the other as an SVG.
func chart(panels []panel) string {
	var b strings.Builder
	y := 0
	for _, p := range panels {
		y += 6
		fmt.Fprintf(&b, `<text x="12" y="%d" class="title">%s</text>`+"\n", y+20, html.EscapeString(p.title))
		y += titleHeight
		longest := 0.0
		for _, x := range p.bars {
			longest = max(longest, x.figure.median)
		}
		for _, x := range p.bars {
			drawBar(&b, y, x, p.unit, barsWidth/max(1.2*longest, 1e-9))
			y += barHeight + 5
		}
		y += 8
	}
	const style = `text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:14px}` +
		`.ours{fill:#0969da}.other{fill:#8c959f}line{stroke:#24292f;stroke-width:1.2}`
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d"`+
		` role="img">
<style>%s</style>
<rect width="100%%" height="100%%" fill="#ffffff"/>
%s</svg>
`, chartWidth, y+6, style, b.String())
}

func drawBar(b *strings.Builder, y int, x bar, unit string, scale float64) {
	class := "other"
	if x.ours {
		class = "ours"
	}
	middle := y + barHeight/2
	most := min(x.figure.most*scale, barsWidth) // an outlier does not set the scale
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, nameWidth-8, middle+5, html.EscapeString(x.name))
	fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`, class, nameWidth, y,
		max(1, x.figure.median*scale), barHeight)
	fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%[3]d"/>`, nameWidth+x.figure.least*scale,
		nameWidth+most, middle)
	fmt.Fprintf(b, `<text x="%.1f" y="%d">%s %s</text>`+"\n", nameWidth+max(most, x.figure.median*scale)+8, middle+5,
		digits(x.figure.median), unit)
}

// writeChart draws the measurements: starts, memory, and the first invocation with little CPU.
// throttled may be empty.
func writeChart(path string, starts map[string]samples, throttled []throttledRun) error {
	init := panel{title: "Init: from the start of the process to its first poll (median; the line is least to most)",
		unit: "ms"}
	peak := panel{title: "Peak memory", unit: "MiB"}
	for _, name := range []string{"empty", "ivr", "linkonly", "sweep", "rotate", "python"} {
		m, ok := starts[name]
		if !ok {
			continue
		}
		ours := name == "ivr" || name == "sweep" || name == "rotate"
		init.bars = append(init.bars, bar{captions[name], m.milliseconds(initOf), ours})
		peak.bars = append(peak.bars, bar{captions[name], m.mebibytes(peakOf), ours})
	}
	panels := []panel{init, peak}
	first := panel{title: "First createSecret over TLS with the CPU of a memory size, emulated", unit: "ms"}
	for _, run := range throttled {
		if run.memory == 0 {
			continue
		}
		first.bars = append(first.bars,
			bar{fmt.Sprintf("%d MB, no preparation", run.memory), run.measured["unwarmed"].milliseconds(firstOf), false},
			bar{fmt.Sprintf("%d MB, rotate", run.memory), run.measured["rotate"].milliseconds(firstOf), true})
	}
	if len(first.bars) > 0 {
		panels = append(panels, first)
	}
	return os.WriteFile(path, []byte(chart(panels)), 0o644)
}

// captions are the programs' names in the chart.
var captions = map[string]string{
	"empty": "empty handler", "linkonly": "same packages, no code", "python": "Python (boto3)",
	"ivr": "ivr", "sweep": "sweep", "rotate": "rotate",
}
