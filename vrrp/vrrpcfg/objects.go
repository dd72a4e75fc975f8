package vrrpcfg

import (
	"math"
	"slices"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// line makes a row of a block at path.
func line[T any](path, name, grammar string, need int, into func(*T, *cursor.Cursor)) cursor.Row[T] {
	return cursor.Row[T]{
		Keyword: config.Keyword{Path: path, Name: name, Grammar: grammar, Need: need},
		Into:    into,
	}
}

// effect marks a keyword that is understood and does nothing yet.
func effect[T any](text string, r cursor.Row[T]) cursor.Row[T] {
	r.Effect = text
	return r
}

// doc adds what holds without the keyword, and to the range what the value does not say.
func doc[T any](rng, def string, r cursor.Row[T]) cursor.Row[T] {
	r.Range, r.Default = rng, def
	return r
}

// valued makes a row of a block at path whose value is of a usual shape; it is wanted
// unless it is optional.
func valued[T any](path, name string, v config.Value, into func(*T, *cursor.Cursor)) cursor.Row[T] {
	need := 1
	if v.Optional {
		need = 0
	}
	r := line(path, name, "", need, into)
	r.Value = v
	return r
}

// flagOf is a keyword without a value.
func flagOf[T any](path, name string, set func(*T)) cursor.Row[T] {
	return doc("", "off", valued(path, name, config.Of(config.Flag), func(t *T, _ *cursor.Cursor) { set(t) }))
}

// optional: the row's value may be left out, or its reader says what is missing.
func optional[T any](r cursor.Row[T]) cursor.Row[T] { r.Need = 0; return r }

func (d *decoder) readScript(c *cursor.Cursor) {
	name, ok := c.Word()
	if !ok {
		return
	}
	s := &Script{Name: name.Text, Range: name.Range, Interval: time.Second, Rise: 1, Fall: 1}
	scriptTable.Decode(s, c.Block(), d.diags)
	if s.Script == nil {
		d.diags.Errorf(name.Range, diag.Script, "No script set for vrrp_script %s - removing", s.Name)
		return
	}
	s.Script.User, s.Script.Group, s.Script.AllGroups = s.user.User, s.user.Group, s.user.AllGroups
	if i := slices.IndexFunc(d.cfg.Scripts, func(o *Script) bool { return o.Name == s.Name }); i >= 0 {
		// 2.2.7 keeps both in silence and finds the first.
		d.diags.Noticef(name.Range, diag.Duplicate, "vrrp_script %s is defined twice - ignoring the second", s.Name)
		return
	}
	d.cfg.Scripts = append(d.cfg.Scripts, s)
}

func scriptRows() []cursor.Row[Script] {
	const path = "vrrp_script"
	count := func(name string, at func(*Script) *int) cursor.Row[Script] {
		return doc("", "1", valued(path, name, config.Whole(1, math.MaxInt32), func(s *Script, c *cursor.Cursor) {
			n, ok := c.Number()
			if !ok {
				c.Hint("(%s): vrrp script %s value invalid, defaulting to 1", s.Name, name)
				n = 1
			}
			*at(s) = int(n)
		}))
	}
	script := line(path, "script", "<command>", 0, func(s *Script, c *cursor.Cursor) {
		if v, ok := c.Script(); ok {
			v.User, v.Group, v.AllGroups = "", "", false // only the first word counts here
			s.Script = v
		}
	})
	script.Script = true
	return []cursor.Row[Script]{
		script,
		doc("", "1", valued(path, "interval", scriptTime, func(s *Script, c *cursor.Cursor) {
			s.readInterval(c, &s.Interval)
		})),
		doc("", "interval", valued(path, "timeout", scriptTime, func(s *Script, c *cursor.Cursor) {
			s.readInterval(c, &s.Timeout)
		})),
		doc("", "0", weighted(path, maxWeight, func(s *Script, c *cursor.Cursor) {
			if n, ok := c.Number(); ok {
				s.Weight = int(n)
				s.Reverse = readReverse(c, sprintf("vrrp_script %s unknown weight option %%s", s.Name))
			} else {
				// 2.2.7 takes the number all the same, and ends at priority 1 or 254 with it.
				s.Weight = int(max(-maxWeight, min(maxWeight, n)))
				c.Hint("vrrp_script %s weight must be in [-%d, %d]", s.Name, maxWeight, maxWeight)
			}
		})),
		count("rise", func(s *Script) *int { return &s.Rise }),
		count("fall", func(s *Script) *int { return &s.Fall }),
		line(path, "user", "<user> [[:]<group>]", 1, func(s *Script, c *cursor.Cursor) {
			s.user = cursor.Script{}
			s.user.SetUser(c.Rest())
		}),
		flagOf(path, "init_fail", func(s *Script) { s.InitFail = true }),
	}
}

// maxWeight is the largest weight of a vrrp_script either way.
const maxWeight = 253

// weighted is `weight <n> [reverse]`.
func weighted[T any](path string, limit int64, into func(*T, *cursor.Cursor)) cursor.Row[T] {
	r := valued(path, "weight", config.Whole(-limit, limit), into)
	r.Grammar = "<n> [reverse]"
	return r
}

// scriptTime is an interval of a script: up to three decimals (whole seconds up to 2.3.1).
var scriptTime = config.Time(3, time.Millisecond, 4294967*time.Millisecond)

// readInterval takes seconds; 0 is a complaint and 1.
func (s *Script) readInterval(c *cursor.Cursor, at *time.Duration) {
	n, ok := c.NumberFrom(0)
	d := c.Value().Duration(n)
	if !ok {
		c.Hint("(%s): vrrp script %s must be between 0.001 and 4294.967 - ignoring", s.Name, c.Name())
		return
	}
	if d == 0 {
		c.Errorf(c.Line(), diag.BadNumber, "(%s): vrrp script %s must be greater than 0, setting to 1", s.Name, c.Name())
		d = time.Second
	}
	*at = d
}

// pathOf is a keyword with a path, whose reader says what is missing.
func pathOf[T any](path, name string, into func(*T, *cursor.Cursor)) cursor.Row[T] {
	r := optional(valued(path, name, config.Of(config.Text), into))
	r.Grammar = "<path>"
	return r
}

// readReverse takes the optional word behind a weight.
func readReverse(c *cursor.Cursor, complaint string) bool {
	w, ok := c.Next()
	if !ok {
		return false
	}
	if w.Text != "reverse" {
		c.Errorf(w.Range, diag.BadValue, complaint, w.Text)
		return false
	}
	return true
}

func (d *decoder) readFile(c *cursor.Cursor) {
	name, ok := c.Word()
	if !ok {
		return
	}
	f := &File{Name: name.Text, Range: name.Range, Weight: fileWeight}
	fileTable.Decode(f, c.Block(), d.diags)
	if f.Path == "" {
		d.diags.Errorf(name.Range, diag.File, "No file set for track_file %s - ignoring", f.Name)
		return
	}
	if slices.ContainsFunc(d.cfg.Files, func(o *File) bool { return o.Name == f.Name }) {
		d.diags.Noticef(name.Range, diag.Duplicate, "track_file %s is defined twice - ignoring the second", f.Name)
		return
	}
	d.cfg.Files = append(d.cfg.Files, f)
}

// fileWeight is the weight of a track_file that says none: the number in it counts as it is.
const fileWeight = 1

func fileRows(path string) []cursor.Row[File] {
	return []cursor.Row[File]{
		pathOf(path, "file", func(f *File, c *cursor.Cursor) {
			w, ok := c.Next()
			switch {
			case !ok:
				c.Errorf(c.Range(), diag.BadValue, "track file file name missing")
			case f.Path != "":
				c.Errorf(w.Range, diag.Duplicate, "File already set for track file %s - ignoring %s", f.Name, w.Text)
			default:
				f.Path = w.Text
			}
		}),
		doc("", "1", optional(weighted(path, 254, func(f *File, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "No weight specified for track file %s - ignoring", f.Name)
			} else if w, _ := c.Peek(); f.Weight != fileWeight {
				c.Errorf(w.Range, diag.Duplicate, "Weight already set for track file %s - ignoring %s", f.Name, w.Text)
			} else if n, ok := c.Number(); ok {
				f.Weight = int(n)
				f.Reverse = readReverse(c, sprintf("track_file %s unknown weight option %%s", f.Name))
			} else {
				c.Hint("Weight for track_file %s must be between [-254..254] inclusive. Ignoring...", f.Name)
			}
		}))),
		doc("", "not made", line(path, "init_file", "[<value>] [overwrite]", 0, func(f *File, c *cursor.Cursor) {
			f.Init = true
			for w, ok := c.Next(); ok; w, ok = c.Next() {
				switch {
				case w.Text == "overwrite":
					f.Overwrite = true
				case w.Text != "" && (w.Text[0] == '-' || w.Text[0] == '+' || w.Text[0] >= '0' && w.Text[0] <= '9'):
					if n, ok := c.ParseInt(w, w.Text, math.MinInt32, math.MaxInt32); ok {
						f.InitValue = n
					}
				default:
					c.Errorf(w.Range, diag.BadValue, "Unknown track file init option %s", w.Text)
				}
			}
		})),
	}
}

func (d *decoder) readProcess(c *cursor.Cursor) {
	name, ok := c.Word()
	if !ok {
		return
	}
	p := &Process{Name: name.Text, Range: name.Range, Quorum: 1, QuorumMax: NoQuorumMax}
	processTable.Decode(p, c.Block(), d.diags)
	if p.Path == "" {
		d.diags.Errorf(name.Range, diag.BadValue, "track process '%s' process name not specified", p.Name)
		return
	}
	if slices.ContainsFunc(d.cfg.Processes, func(o *Process) bool { return o.Name == p.Name }) {
		d.diags.Noticef(name.Range, diag.Duplicate, "vrrp_track_process %s is defined twice - ignoring the second", p.Name)
		return
	}
	d.cfg.Processes = append(d.cfg.Processes, p)
}

func processRows() []cursor.Row[Process] {
	const path = "vrrp_track_process"
	delay := func(name string, set func(*Process, time.Duration)) cursor.Row[Process] {
		return doc("", "0", valued(path, name, config.Time(6, time.Microsecond, time.Hour), func(p *Process, c *cursor.Cursor) {
			if t, ok := c.Duration(); ok {
				set(p, t)
			} else {
				c.Hint("%s for vrrp_track_process %s must be between [0.000001..3600] inclusive. Ignoring...", name, p.Name)
			}
		}))
	}
	count := func(name, def string, min int64, set func(*Process, *cursor.Cursor, int)) cursor.Row[Process] {
		return doc("", def, valued(path, name, config.Whole(min, 65535), func(p *Process, c *cursor.Cursor) {
			if n, ok := c.Number(); ok {
				set(p, c, int(n))
			} else {
				c.Hint("%s for vrrp_track_process %s must be between [%d..65535] inclusive. Ignoring...", name, p.Name, min)
			}
		}))
	}
	return []cursor.Row[Process]{
		line(path, "process", "<name> [<param>...]", 1, func(p *Process, c *cursor.Cursor) {
			w, ok := c.Word()
			switch {
			case !ok:
			case p.Path != "":
				c.Errorf(w.Range, diag.Duplicate, "Process already set for track process %s - ignoring %s", p.Name, w.Text)
			default:
				p.Path = w.Text
				for _, w := range c.Rest() {
					p.Params = append(p.Params, w.Text)
				}
				if len(p.Params) > 0 {
					p.FullCommand = true
					p.Match = max(p.Match, MatchExact)
				}
			}
		}),
		doc("", "exact when parameters are given", valued(path, "param_match", config.OneOf("initial", "partial").OrNone(), func(p *Process, c *cursor.Cursor) {
			if !c.More() {
				p.Match = MatchExact
			} else if i, ok := c.Choice("Invalid param_match type %s - ignoring"); ok {
				p.Match = MatchInitial + ParamMatch(i)
			}
			p.FullCommand = true
		})),
		doc("", "0", optional(weighted(path, 254, func(p *Process, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "No weight specified for track process %s - ignoring", p.Name)
			} else if w, _ := c.Peek(); p.Weight != 0 {
				c.Errorf(w.Range, diag.Duplicate, "Weight already set for track process %s - ignoring %s", p.Name, w.Text)
			} else if n, ok := c.Number(); ok {
				p.Weight = int(n)
				p.Reverse = readReverse(c, sprintf("vrrp_track_process %s unknown weight option %%s", p.Name))
			}
		}))),
		count("quorum", "1", 1, (*Process).setQuorum),
		count("quorum_max", "none", 0, (*Process).setQuorumMax),
		delay("fork_delay", func(p *Process, t time.Duration) { p.ForkDelay = t }),
		delay("terminate_delay", func(p *Process, t time.Duration) { p.TerminateDelay = t }),
		delay("delay", func(p *Process, t time.Duration) { p.ForkDelay, p.TerminateDelay = t, t }),
		flagOf(path, "full_command", func(p *Process) { p.FullCommand = true }),
	}
}

// setQuorum and setQuorumMax hold each against the other as they are read, as 2.2.7 does:
// of two that contradict each other the first stays.
func (p *Process) setQuorum(c *cursor.Cursor, n int) {
	if n > p.QuorumMax {
		c.Errorf(c.Line(), diag.Conflict, "Quorum is greater than quorum_max - ignoring")
		return
	}
	p.Quorum = n
}

// setQuorumMax takes 0, none may run, with a quorum of 1, which is what holds without one;
// then the quorum is 0 as well.
func (p *Process) setQuorumMax(c *cursor.Cursor, n int) {
	switch {
	case n == 0 && p.Quorum <= 1:
		p.Quorum = 0
	case n < p.Quorum:
		c.Errorf(c.Line(), diag.Conflict, "quorum_max is less than quorum - ignoring")
		return
	case n > 0 && p.Quorum == 0:
		p.Quorum = 1
	}
	p.QuorumMax = n
}
