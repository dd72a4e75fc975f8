package exporters

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// textReader follows mehdy's exporter through keepalived.data line by line.
type textReader struct {
	routers []router
	seen    map[string]bool // keys of the present instance
	in      bool            // in an instance's block
	script  *script
	scripts []script
	key     string // of the last three-space line that has one
	line    string
}

type script struct{ name, status, state string }

const (
	instanceHead = " VRRP Instance = "
	scriptHead   = " VRRP Script = "
)

// readText reads keepalived.data.
func readText(data []byte) ([]router, error) {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		return nil, errors.New("the last line is cut off")
	}
	r := textReader{}
	lines := bufio.NewScanner(bytes.NewReader(data)) // its limit is the exporter's: 64 KiB a line
	for n := 1; lines.Scan(); n++ {
		r.line = lines.Text()
		if err := r.next(); err != nil {
			return nil, fmt.Errorf("line %d (%s): %w", n, strings.TrimSpace(r.line), err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("the exporter stops reading in silence: %w", err)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return r.routers, nil
}

func (r *textReader) next() error {
	switch {
	case strings.HasPrefix(r.line, instanceHead):
		if err := r.end(); err != nil {
			return err
		}
		name := r.line[len(instanceHead):]
		if name == "" || strings.ContainsAny(name, "=:") {
			return fmt.Errorf("%q is no name", name)
		}
		if slices.ContainsFunc(r.routers, func(o router) bool { return o.name == name }) {
			return fmt.Errorf("instance %s is there twice", name)
		}
		r.routers = append(r.routers, router{name: name})
		r.in, r.key, r.seen = true, "", map[string]bool{}
		return nil
	case strings.HasPrefix(r.line, scriptHead):
		if err := r.end(); err != nil {
			return err
		}
		r.script = &script{name: r.line[len(scriptHead):]}
		return nil
	case !strings.HasPrefix(r.line, "   "):
		return r.end()
	case r.script != nil:
		return r.scriptField()
	case r.in && strings.HasPrefix(r.line, "     "):
		return r.item()
	case r.in:
		return r.field()
	}
	return nil
}

// end closes the block that a line without three spaces ends, whatever it is.
func (r *textReader) end() error {
	if r.in {
		v := r.routers[len(r.routers)-1]
		for _, key := range []string{"State", "Wantstate", "Interface", "Gratuitous ARP delay", "Virtual Router ID"} {
			if !r.seen[key] {
				return fmt.Errorf("instance %s ends before its %s: the exporter reports 0 or nothing", v.name, key)
			}
		}
	}
	if s := r.script; s != nil {
		if s.status == "" || s.state == "" {
			return fmt.Errorf("script %s ends before its status and state", s.name)
		}
		r.scripts = append(r.scripts, *s)
	}
	r.in, r.script, r.key = false, nil, ""
	return nil
}

// field is a line with three spaces: `Key = value` or `Key :`. One with neither sign
// leaves the key of the line before in force.
func (r *textReader) field() error {
	text := strings.TrimSpace(r.line)
	at := strings.IndexAny(text, "=:")
	if at < 0 {
		return nil
	}
	r.key = strings.TrimSpace(text[:at])
	return r.set(strings.TrimSpace(text[at+1:]))
}

// set takes the value of the present key.
func (r *textReader) set(value string) error {
	v := &r.routers[len(r.routers)-1]
	var err error
	switch r.key {
	case "State":
		v.state, err = state(value)
	case "Wantstate":
		v.want, err = state(value)
	case "Gratuitous ARP delay":
		v.garpDelay, err = strconv.Atoi(value)
	case "Virtual Router ID":
		v.vrid, err = strconv.Atoi(value)
	case "Interface":
		v.intf = value
	default:
		return nil
	}
	if err == nil && r.seen[r.key] {
		err = fmt.Errorf("%s is there twice", r.key)
	}
	r.seen[r.key] = true
	return err
}

func state(word string) (int, error) {
	n := slices.Index(states, word)
	if n < 0 {
		return 0, fmt.Errorf("%q is no state: the whole scrape fails", word)
	}
	return n, nil
}

var vipCount = regexp.MustCompile(`^Virtual IP \((\d+)\)$`)

// item is a line with five spaces: it belongs to the key before it.
func (r *textReader) item() error {
	v := &r.routers[len(r.routers)-1]
	switch {
	case vipCount.MatchString(r.key):
		return addAddress(&v.vips, v, r.line)
	case r.key == "Virtual IP Excluded":
		return addAddress(&v.excluded, v, r.line)
	case slices.Contains([]string{"State", "Wantstate", "Gratuitous ARP delay", "Virtual Router ID", "Interface"}, r.key):
		return fmt.Errorf("the exporter takes this for another %s", r.key)
	}
	return nil
}

// addAddress reads an address line: word 0 is the address, word 2 is taken for the
// interface (with a broadcast address it is that; a quirk to be kept).
func addAddress(list *[]string, v *router, line string) error {
	words := strings.Split(strings.TrimSpace(line), " ")
	if len(words) < 3 {
		return errors.New("fewer than three words: the address is dropped")
	}
	if slices.Contains(words, "") {
		return errors.New("two spaces together shift the words")
	}
	label := words[0] + " " + words[2]
	if slices.Contains(v.vips, label) || slices.Contains(v.excluded, label) {
		return fmt.Errorf("%s is there twice: the duplicate metric ends the whole scrape", label)
	}
	*list = append(*list, label)
	return nil
}

// scriptField reads what is exported of a script; other words are skipped there with a
// warning, which loses the metric.
func (r *textReader) scriptField() error {
	key, value, ok := strings.Cut(strings.TrimSpace(r.line), " = ")
	if !ok {
		return nil
	}
	allowed := map[string][]string{
		"Status": {"GOOD", "BAD"},
		"State":  {"idle", "running", "requested termination", "forcing termination"},
	}[key]
	if allowed == nil {
		return nil
	}
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("%q is no %s of a script: its metrics are lost", value, strings.ToLower(key))
	}
	if key == "Status" {
		r.script.status = value
	} else {
		r.script.state = value
	}
	return nil
}

// checkGreps is what one-line readers and Vyatta want of keepalived.data.
func checkGreps(data string, instances bool) error {
	const header = "------< VRRP Topology >------"
	lines := strings.Split(data, "\n")
	at := slices.Index(lines, header)
	if !instances {
		return nil
	}
	if at < 0 {
		return fmt.Errorf("no line %s", header)
	}
	near := lines[at:min(at+7, len(lines))]
	if !slices.ContainsFunc(near, func(l string) bool { return strings.HasPrefix(l, "   State = ") }) {
		return errors.New("no State within six lines of the header: grep -A 6 does not see it")
	}
	transitions := regexp.MustCompile(`(?m)^   Last transition = \d+\.\d{6} \(.+\)$`)
	priorities := regexp.MustCompile(`(?m)^   Effective priority = \d+$`)
	count := strings.Count(data, "\n"+instanceHead)
	if len(transitions.FindAllString(data, -1)) != count || len(priorities.FindAllString(data, -1)) != count {
		return errors.New("not every instance has its Last transition and Effective priority (Vyatta)")
	}
	for _, l := range lines {
		if strings.HasPrefix(l, " VRRP Sync Group") && !regexp.MustCompile(`^ VRRP Sync Group = (.*?), (INIT|BACKUP|MASTER|FAULT)$`).MatchString(l) {
			return fmt.Errorf("%q is no sync group to Vyatta", l)
		}
	}
	return nil
}
