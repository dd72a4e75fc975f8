package checkercfg

import (
	"math"
	"time"

	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// longest is the longest time keepalived keeps in 32 bits of microseconds.
const longest = 4294967295 * time.Microsecond

// number is `name <n>` of which only the value is looked at.
func number[T any](path, name, def string, min, max int64) cursor.Row[T] {
	return doc(rangeText(min, max), def, line(path, name, "<n>", 1, func(_ *T, c *cursor.Cursor) { c.Int(min, max) }))
}

// timer is `name <seconds>`.
func timer[T any](path, name, def string, min, max time.Duration) cursor.Row[T] {
	return doc("", def, line(path, name, "<seconds>", 1, func(_ *T, c *cursor.Cursor) {
		if _, ok := c.Seconds(6, min, max); !ok {
			c.Hint("%s invalid - ignoring", name)
		}
	}))
}

// boolean is `name [<bool>]`.
func boolean[T any](path, name, def, complaint string) cursor.Row[T] {
	return doc("", def, line(path, name, "[<bool>]", 0, func(_ *T, c *cursor.Cursor) { c.Bool(complaint) }))
}

// flag is a keyword without words.
func flag[T any](path, name string) cursor.Row[T] {
	return doc("", "off", line(path, name, "", 0, func(*T, *cursor.Cursor) {}))
}

// text is `name <word>`; missing is the complaint without one.
func text[T any](path, name, grammar, missing string) cursor.Row[T] {
	return line(path, name, grammar, 0, func(_ *T, c *cursor.Cursor) {
		if missing != "" && !c.More() {
			c.Errorf(c.Range(), diag.BadValue, "%s", missing)
		}
	})
}

// address is `name <ip>`.
func address[T any](path, name, def string) cursor.Row[T] {
	return doc("", def, line(path, name, "<ip>", 1, func(_ *T, c *cursor.Cursor) {
		if w, ok := c.Word(); ok {
			if _, ok := cursor.ParseAddr(w.Text); !ok {
				c.Errorf(w.Range, diag.BadAddress, "Invalid %s address %s - ignoring", name, w.Text)
			}
		}
	}))
}

// notify is `name <script>`; again is the complaint about a second one.
func notify[T any](path, name string, owner func(*T) string, uses func(*T) *[]cursor.ScriptUse, at func(*T) map[string]bool) cursor.Row[T] {
	r := line(path, name, "<script>", 1, func(t *T, c *cursor.Cursor) {
		s, ok := c.Script()
		switch {
		case !ok:
		case at(t)[name]:
			c.Errorf(s.Range, diag.Duplicate, "(%s) %s script already specified - ignoring %s", owner(t), name, s.Text)
		default:
			at(t)[name] = true
			*uses(t) = append(*uses(t), cursor.ScriptUse{Kind: cursor.CheckScript, Owner: owner(t), Script: s})
		}
	})
	r.Script = true
	return r
}

// readReverse takes the optional word behind a weight.
func readReverse(c *cursor.Cursor, words ...string) {
	if w, ok := c.Next(); ok {
		for _, v := range words {
			if w.Text == v {
				return
			}
		}
		c.Errorf(w.Range, diag.BadValue, "unknown weight option %s", w.Text)
	}
}

func rangeText(min, max int64) string {
	if max == math.MaxInt64 {
		return ""
	}
	return sprintf("%d..%d", min, max)
}

// decoder is the state of one Validate.
type decoder struct {
	g       *global.Config
	diags   *diag.List
	groups  map[string]bool // virtual_server_group
	files   map[string]bool // track_file so far
	bfds    map[string]bool // bfd_instance so far
	scripts []cursor.ScriptUse
	servers int // virtual servers that are used
}
