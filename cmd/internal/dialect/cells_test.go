package dialect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
)

// cell is one keyword with one value, in an object of its own.
type cell struct {
	config.Keyword
	what   string // "lowest", "default", "another kind" and so on
	value  string // what stands behind the keyword
	absent bool   // the keyword is not there: what holds without it
}

func (c cell) String() string {
	return fmt.Sprintf("%s/%s %s (%s)", c.Path, c.Name, c.value, c.what)
}

// line is the keyword as it stands in the object.
func (c cell) line() string {
	if c.absent {
		return ""
	}
	return strings.TrimSpace(c.Name + " " + c.value)
}

// cellsOf are the values that a row is tried with: both ends of its range, one beyond
// each, one in the middle with a decimal too many, every word, one of another kind, the
// default and none at all. They are made of the row, so that a row which says something
// else than keepalived does is found out.
func cellsOf(k config.Keyword) []cell {
	var out []cell
	add := func(what, value string) { out = append(out, cell{Keyword: k, what: what, value: value}) }
	v := k.Value
	switch v.Shape {
	case config.Number:
		add("lowest", v.Text(v.Min))
		add("one below", v.Text(v.Min-1))
		if v.Max == config.NoEnd {
			add("large", v.Text(1e15))
		} else {
			add("highest", v.Text(v.Max))
			add("one above", v.Text(v.Max+1))
		}
		if v.Places > 0 {
			add("too fine", "1."+strings.Repeat("0", v.Places)+"1")
		} else {
			add("not whole", v.Text(v.Min)+".5")
		}
		add("another kind", "abc")
	case config.Bool:
		for _, w := range []string{"on", "true", "yes", "off", "false", "no"} {
			add("word", w)
		}
		add("another kind", "maybe")
	case config.Choice:
		for _, w := range v.Words {
			add("word", w)
		}
		add("another kind", "maybe")
	case config.Address:
		add("IPv4", "10.77.0.1")
		add("IPv6", "2001:db8:77::1")
		add("IPv4 group", "224.0.0.77")
		add("IPv6 group", "ff02::77")
		add("another kind", "maybe")
		add("too long", "10.77.0.1.1")
	case config.Interface:
		add("there", "eth1")
	case config.Text:
		add("word", "word")
	case config.Command:
		add("command", "/usr/bin/true")
		add("with arguments", `"/usr/bin/true a 'b c'"`)
		add("with a user", "/usr/bin/true root root")
	}
	if v.Optional {
		add("no word", "")
	}
	if d := statedDefault(k); d != "" {
		add("default", d)
		out = append(out, cell{Keyword: k, what: "absent", absent: true})
	}
	return out
}

// statedDefault is the default that a row states as a value; "" when it states none, or
// one that follows from something else.
func statedDefault(k config.Keyword) string {
	d, _, _ := strings.Cut(k.Default, ";")
	d, _, _ = strings.Cut(d, ":")
	d = strings.TrimSpace(d)
	switch v := k.Value; v.Shape {
	case config.Number:
		if d != "" && strings.Trim(d, "0123456789.-") == "" && d != "0" || d == "0" && v.Min <= 0 {
			return d
		}
	case config.Bool:
		if d == "on" || d == "off" {
			return d
		}
	case config.Choice:
		if slices.Contains(v.Words, d) {
			return d
		}
	}
	return ""
}

// TestCellsCover: every keyword that 2.2.7 knows has cells, or is of a shape of its own
// and has snippets in testdata/probes.
func TestCellsCover(t *testing.T) {
	t.Parallel()
	var snippets strings.Builder
	for _, p := range append(probes(t), seeds(t)...) {
		snippets.WriteString(p.text)
	}
	cells, free := 0, 0
	for _, k := range dialect.Keywords() {
		n := len(cellsOf(k))
		cells += n
		if n == 0 && k.Since == "" {
			free++
			if !strings.Contains(snippets.String(), k.Name) {
				t.Errorf("%s/%s has neither a value that can be tried nor a snippet in testdata/probes", k.Path, k.Name)
			}
		}
	}
	t.Logf("%d keywords with %d values; %d of a shape of their own", len(dialect.Keywords())-free, cells, free)
}
