package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "keepalived/proto/keepalived/v1"
)

// table writes aligned columns; an empty cell is printed as "-". The writer must not
// fail (a buffer).
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, columns ...string) *table {
	t := &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(columns...)
	return t
}

func (t *table) row(cells ...string) {
	for i, c := range cells {
		if c = safe(c); c == "" {
			c = "-"
		}
		cells[i] = c
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t *table) flush() { t.w.Flush() }

// safe makes of any text one line that does nothing to a terminal: names come from the
// configuration, reasons from whoever gave them.
func safe(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r) // '\x1b'
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// line writes one line of text that may hold anything.
func line(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, safe(fmt.Sprintf(format, args...)))
}

// protoJSON is one message as protojson has it, without the spaces it adds at random:
// zero numbers and empty lists are written, so that what a program looks for is there.
func protoJSON(m proto.Message) (json.RawMessage, error) {
	b, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return out.Bytes(), nil
}

// protoList is never null.
func protoList[M proto.Message](list []M) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(list))
	for i, m := range list {
		var err error
		if out[i], err = protoJSON(m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// age writes a duration with the two units that matter: 350ms, 4.2s, 3m12s, 5h3m, 12d4h.
func age(d *durationpb.Duration) string {
	if d == nil {
		return ""
	}
	t := max(d.AsDuration(), 0)
	switch {
	case t < time.Second:
		return fmt.Sprintf("%dms", t.Milliseconds())
	case t < time.Minute:
		return fmt.Sprintf("%d.%ds", t/time.Second, t%time.Second/(100*time.Millisecond))
	case t < time.Hour:
		return fmt.Sprintf("%dm%ds", int(t.Minutes()), int(t.Seconds())%60)
	case t < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", int(t.Hours()), int(t.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(t.Hours())/24, int(t.Hours())%24)
	}
}

// clockTime writes a time of day in local time with milliseconds.
func clockTime(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format("2006-01-02 15:04:05.000")
}

// word turns the name of an enum value into the word for people: the part behind the
// enum's prefix, MASTER in INSTANCE_STATE_MASTER.
func word(name, prefix string) string {
	w := strings.TrimPrefix(name, prefix)
	if w == "UNSPECIFIED" {
		return ""
	}
	return w
}

// States are in capital letters as in keepalived's log, everything else in small ones.
func stateWord(s pb.InstanceState) string { return word(s.String(), "INSTANCE_STATE_") }

func roleWord(r pb.Role) string { return lower(r.String(), "ROLE_") }

func processWord(s pb.ProcessState) string { return lower(s.String(), "PROCESS_STATE_") }

func outcomeWord(o pb.ReloadOutcome) string { return lower(o.String(), "RELOAD_OUTCOME_") }

func trackerKind(k pb.TrackerKind) string { return lower(k.String(), "TRACKER_KIND_") }

func trackerWord(s pb.TrackerStatus) string { return lower(s.String(), "TRACKER_STATUS_") }

func lower(name, prefix string) string { return strings.ToLower(word(name, prefix)) }

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
