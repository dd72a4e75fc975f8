package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
)

// bench collects the samples.
type bench struct {
	opt      options
	progress io.Writer
	samples  map[string]*[2][]float64 // by row and side
	current  atomic.Pointer[env]
}

func (b *bench) add(id string, s side, value float64) {
	if b.samples[id] == nil {
		b.samples[id] = &[2][]float64{}
	}
	b.samples[id][s] = append(b.samples[id][s], value)
}

// of returns a row's samples, sorted.
func (b *bench) of(id string, s side) []float64 {
	if b.samples[id] == nil {
		return nil
	}
	v := slices.Clone(b.samples[id][s])
	slices.Sort(v)
	return v
}

// asked lists the rows that this run should fill.
func (b *bench) asked() []row {
	var out []row
	for _, r := range rows {
		if r.note != "" || slices.ContainsFunc(scenarios, func(sc scenario) bool { return sc.name == r.in() && b.wanted(sc) && (sc.ipvs || !inUML()) }) {
			out = append(out, r)
		}
	}
	return out
}

// missing names what should have been measured and was not.
func (b *bench) missing() []string {
	var out []string
	for _, r := range b.asked() {
		for _, s := range b.opt.sides {
			if r.note == "" && !(r.alone && s == theirs) && len(b.of(r.id, s)) == 0 {
				out = append(out, fmt.Sprintf("%s (%s)", r.id, s))
			}
		}
	}
	return out
}

// writeTable prints one line a row: medians with ranges, their ratio, what we aim
// at, and a mark where our median misses that.
func (b *bench) writeTable(w io.Writer, head string) error {
	fmt.Fprintf(w, "%s\nmedian (range); \"beyond\" = after the protocol's own timer; anchor = keepalived 2.2.7 on a quiet machine\n\n", head)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "row\tkeepalived\tours\tratio\ttarget\t\tanchor")
	for _, r := range b.asked() {
		if r.note != "" {
			fmt.Fprintf(t, "%s\t%s\t%s\t\t%s\t\t%s\n", r.title, "–", r.note, r.target.text, r.anchor)
			continue
		}
		mark := ""
		if b.misses(r) {
			mark = "MISSED"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.title, cell(b.of(r.id, theirs), r.unit), cell(b.of(r.id, ours), r.unit),
			b.ratio(r.id), r.target.text, mark, r.anchor)
	}
	return t.Flush()
}

func cell(v []float64, unit string) string {
	switch {
	case len(v) == 0:
		return "not measured"
	case v[0] == v[len(v)-1]:
		return strings.TrimSpace(figure(v[0]) + " " + unit)
	}
	return strings.TrimSpace(figure(median(v))+" "+unit) + fmt.Sprintf(" (%s–%s)", figure(v[0]), figure(v[len(v)-1]))
}

// figure prints three significant digits.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case v == math.Trunc(v), a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// ratio is our median over keepalived's.
func (b *bench) ratio(id string) string {
	t, o := b.of(id, theirs), b.of(id, ours)
	if len(t) == 0 || len(o) == 0 || median(t) <= 0 {
		return "–"
	}
	return figure(median(o) / median(t))
}

func (b *bench) misses(r row) bool {
	t, o := b.of(r.id, theirs), b.of(r.id, ours)
	if len(o) == 0 {
		return false
	}
	switch r.target.kind {
	case absolute:
		return median(o) > r.target.limit
	case relative:
		return len(t) > 0 && median(o) > r.target.limit*median(t)
	}
	return false
}

// median is of a sorted list that is not empty.
func median(v []float64) float64 {
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// percentile is the smallest value that p of all (0 to 1) do not exceed.
func percentile(v []float64, p float64) float64 {
	return v[min(len(v)-1, max(0, int(math.Ceil(p*float64(len(v))))-1))]
}

// report writes what was asked for where it was asked for.
func (b *bench) report(stdout io.Writer, head string) error {
	write := b.writeTable
	if b.opt.json {
		write = b.writeJSON
	}
	if b.opt.to == "" {
		return write(stdout, head)
	}
	f, err := os.Create(b.opt.to)
	if err != nil {
		return err
	}
	return errors.Join(write(f, head), f.Close())
}

// report is what -json prints.
type report struct {
	Run  string `json:"run"`
	Rows []line `json:"rows"`
}

// line is a row with every sample.
type line struct {
	ID         string    `json:"id"`
	Title      string    `json:"title"`
	Unit       string    `json:"unit,omitempty"`
	Keepalived []float64 `json:"keepalived"`
	Ours       []float64 `json:"ours"`
	Target     string    `json:"target,omitempty"`
	Missed     bool      `json:"missed"`
	Anchor     string    `json:"anchor,omitempty"`
	Note       string    `json:"note,omitempty"`
}

// writeJSON prints every sample.
func (b *bench) writeJSON(w io.Writer, head string) error {
	out := report{Run: head}
	for _, r := range b.asked() {
		out.Rows = append(out.Rows, line{ID: r.id, Title: strings.TrimSpace(r.title), Unit: r.unit,
			Keepalived: b.of(r.id, theirs), Ours: b.of(r.id, ours), Target: r.target.text, Missed: b.misses(r),
			Anchor: r.anchor, Note: r.note})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// ticks are the machine's processor time so far, in clock ticks.
type ticks struct{ busy, all uint64 }

// busy reads the first line of /proc/stat.
func busy() ticks {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return ticks{}
	}
	first, _, _ := strings.Cut(string(text), "\n")
	var t ticks
	for i, f := range strings.Fields(first) {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil || i > 8 { // guest time is in user time already
			continue
		}
		t.all += n
		if i != 4 && i != 5 { // idle, iowait
			t.busy += n
		}
	}
	return t
}

// machine says how much of it was in use meanwhile, by everybody: above some 30 %
// the figures are those of a busy machine.
func machine(before ticks) string {
	now := busy()
	if now.all == before.all {
		return fmt.Sprintf("%d processors", runtime.NumCPU())
	}
	return fmt.Sprintf("%d processors, %d %% busy", runtime.NumCPU(), (now.busy-before.busy)*100/(now.all-before.all))
}
