package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "keepalived/proto/keepalived/v1"
)

// table writes aligned columns; an empty cell is printed as "-".
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, columns ...string) *table {
	t := &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(columns...)
	return t
}

func (t *table) row(cells ...string) {
	for i, c := range cells {
		if c == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t *table) flush() { t.w.Flush() }

// writeJSON writes one message per line, as protojson has it.
func writeJSON(w io.Writer, m proto.Message) error {
	b, err := protojson.MarshalOptions{EmitUnpopulated: false}.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// age writes a duration with the two units that matter: 350ms, 4.2s, 3m12s, 5h3m, 12d4h.
func age(d *durationpb.Duration) string {
	if d == nil {
		return ""
	}
	t := d.AsDuration()
	switch {
	case t < time.Second:
		return fmt.Sprintf("%dms", t.Milliseconds())
	case t < time.Minute:
		return fmt.Sprintf("%.1fs", t.Seconds())
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

func stateWord(s pb.InstanceState) string { return word(s.String(), "INSTANCE_STATE_") }

func roleWord(r pb.Role) string { return strings.ToLower(word(r.String(), "ROLE_")) }

func processWord(s pb.ProcessState) string {
	return strings.ToLower(word(s.String(), "PROCESS_STATE_"))
}

// jsonList appends `,"name":[…]`.
func jsonList[M proto.Message](w io.Writer, name string, list []M) error {
	fmt.Fprintf(w, `,%q:[`, name)
	for i, m := range list {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		if err := writeJSON(w, m); err != nil {
			return err
		}
	}
	fmt.Fprint(w, "]")
	return nil
}
