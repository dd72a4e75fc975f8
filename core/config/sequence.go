package config

import (
	"strconv"
	"strings"

	"keepalived/core/diag"
)

// sequence deals with "~SEQ(var, [start, [step,]] end) text", its ~SEQx in
// hexadecimal, and "~LST(var, value…) text": the text once for each value. done
// is false when the line is nothing of the kind.
func (r *reader) sequence(l line, depth int) (done bool) {
	kind := ""
	switch {
	case strings.HasPrefix(l.text, "~SEQ"):
		kind = "~SEQ"
	case strings.HasPrefix(l.text, "~LST"):
		kind = "~LST"
	default:
		return false
	}
	if depth >= maxExpandDepth {
		r.fatal(l.whole(), diag.TooDeep, "sequences are nested more than %d deep", maxExpandDepth)
		return true
	}
	end := strings.IndexByte(l.text, ')')
	if end < 0 {
		r.badSequence(l, kind)
		return true
	}
	replaced := 0
	head, _ := r.substitute(l.cut(0, end+1), &replaced)
	if r.stop {
		return true
	}
	body := l.cut(end+1, len(l.text)).trim()
	args, ok := strings.CutPrefix(head.text, kind)
	hex := false
	if kind == "~SEQ" {
		args, hex = strings.CutPrefix(args, "x")
	}
	args, paren := strings.CutPrefix(strings.TrimLeft(args, " \t"), "(")
	args, closed := strings.CutSuffix(args, ")")
	if !ok || !paren || !closed {
		r.badSequence(l, kind)
		return true
	}
	if kind == "~SEQ" {
		r.numbers(l, body, args, hex, depth)
	} else {
		r.values(l, body, args, depth)
	}
	return true
}

func (r *reader) badSequence(l line, kind string) {
	r.errorf(l.whole(), diag.BadValue, "Invalid %s specification '%s'", kind, l.text)
}

// numbers unfolds ~SEQ.
func (r *reader) numbers(l, body line, args string, hex bool, depth int) {
	parts := strings.Split(args, ",")
	name := trimBlank(parts[0])
	var n []int64
	for _, p := range parts[1:] {
		v, ok := anyBase(trimBlank(p))
		if !ok {
			n = nil
			break
		}
		n = append(n, v)
	}
	if name == "" || len(n) < 1 || len(n) > 3 {
		r.errorf(l.whole(), diag.BadValue, "Invalid ~SEQ definition '%s'", l.text)
		r.badSequence(l, "~SEQ")
		return
	}
	start, end := int64(1), n[len(n)-1]
	if len(n) > 1 {
		start = n[0]
	} else if end < 0 {
		start = -1
	}
	step := int64(1)
	if start > end {
		step = -1
	}
	if len(n) == 3 {
		step = n[1]
	}
	if step == 0 || start < end && step < 0 || start > end && step > 0 {
		r.errorf(l.whole(), diag.BadValue, "Invalid ~SEQ values '%s'", l.text)
		r.badSequence(l, "~SEQ")
		return
	}
	if hex && (start < 0 || end < 0) {
		r.errorf(l.whole(), diag.BadValue, "~SEQx is only valid for positive numbers '%s'", l.text)
		r.badSequence(l, "~SEQ")
		return
	}
	base := 10
	if hex {
		base = 16
	}
	for v := start; !r.stop; v += step {
		r.defs[name] = &definition{name: name, lines: []string{strconv.FormatInt(v, base)}}
		r.once(body, depth)
		if step > 0 && v > end-step || step < 0 && v < end-step {
			return
		}
	}
}

// once feeds the text of a sequence for one value.
func (r *reader) once(body line, depth int) {
	r.spend(body.whole(), len(body.text)+minLineCost)
	if !r.stop {
		r.feed(body, depth+1)
	}
}

// anyBase reads a number as strtol does with base 0; nothing is 0.
func anyBase(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	digits := strings.TrimPrefix(s, "-")
	negative := digits != s
	if !negative {
		digits = strings.TrimPrefix(s, "+")
	}
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"), strings.HasPrefix(digits, "0X"):
		digits, base = digits[2:], 16
	case len(digits) > 1 && digits[0] == '0':
		digits, base = digits[1:], 8
	}
	// 62 bits: adding a step cannot overflow.
	v, err := strconv.ParseUint(digits, base, 62)
	if err != nil {
		return 0, false
	}
	if negative {
		return -int64(v), true
	}
	return int64(v), true
}

// values unfolds ~LST.
func (r *reader) values(l, body line, args string, depth int) {
	groups, ok := listGroups(args)
	if !ok || len(groups) < 2 || len(groups[0]) == 0 {
		r.badSequence(l, "~LST")
		return
	}
	names := groups[0]
	for _, g := range groups[1:] {
		if len(g) > len(names) {
			r.errorf(l.whole(), diag.BadValue, "~LST specification has too many values '%s'", l.text)
			r.badSequence(l, "~LST")
			return
		}
	}
	for _, g := range groups[1:] {
		for i, name := range names {
			v := ""
			if i < len(g) {
				v = g[i]
			}
			r.defs[name] = &definition{name: name, lines: []string{v}}
		}
		r.once(body, depth)
		if r.stop {
			return
		}
	}
}

// listGroups splits "a, {b, c}, d" into its comma-separated groups of values.
func listGroups(args string) (groups [][]string, ok bool) {
	for {
		args = trimBlank(args)
		var group string
		if strings.HasPrefix(args, "{") {
			var found bool
			if group, args, found = strings.Cut(args[1:], "}"); !found {
				return nil, false
			}
			args = trimBlank(args)
			groups = append(groups, splitValues(group))
		} else {
			i := strings.IndexByte(args, ',')
			if i < 0 {
				i = len(args)
			}
			group, args = args[:i], args[i:]
			groups = append(groups, []string{trimBlank(group)})
		}
		for _, v := range groups[len(groups)-1] {
			if strings.ContainsAny(v, " \t{}") {
				return nil, false
			}
		}
		if args == "" {
			return groups, true
		}
		if args[0] != ',' {
			return nil, false
		}
		args = args[1:]
	}
}

func splitValues(group string) []string {
	if trimBlank(group) == "" {
		return nil
	}
	values := strings.Split(group, ",")
	for i := range values {
		values[i] = trimBlank(values[i])
	}
	return values
}
