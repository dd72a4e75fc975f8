package checkercfg

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// longest is the longest time keepalived keeps in 32 bits of microseconds.
const longest = 4294967295 * time.Microsecond

// number is `name <n>`.
func number[T any](path, name, def string, min, max int64, set func(*T, int64)) cursor.Row[T] {
	return doc("", def, valued(path, name, config.Whole(min, max), func(t *T, c *cursor.Cursor) {
		if n, ok := c.Number(); ok {
			set(t, n)
		}
	}))
}

// timer is `name <seconds>`.
func timer[T any](path, name, def string, min, max time.Duration, set func(*T, time.Duration)) cursor.Row[T] {
	return doc("", def, valued(path, name, config.Time(6, min, max), func(t *T, c *cursor.Cursor) {
		if d, ok := c.Duration(); ok {
			set(t, d)
		} else {
			c.Hint("%s invalid - ignoring", name)
		}
	}))
}

// boolean is `name [<bool>]`.
func boolean[T any](path, name, def, complaint string, set func(*T, bool)) cursor.Row[T] {
	return doc("", def, valued(path, name, config.Of(config.Bool), func(t *T, c *cursor.Cursor) {
		if v, ok := c.Bool(complaint); ok {
			set(t, v)
		}
	}))
}

// flag is a keyword without words.
func flag[T any](path, name string, set func(*T)) cursor.Row[T] {
	return doc("", "off", valued(path, name, config.Of(config.Flag), func(t *T, _ *cursor.Cursor) { set(t) }))
}

// text is `name <word>`; missing is the complaint without one.
func text[T any](path, name, grammar, missing string, set func(*T, string)) cursor.Row[T] {
	r := optional(valued(path, name, config.Of(config.Text), func(t *T, c *cursor.Cursor) {
		if w, ok := c.Next(); ok {
			set(t, w.Text)
		} else if missing != "" {
			c.Errorf(c.Range(), diag.BadValue, "%s", missing)
		}
	}))
	r.Grammar = grammar
	return r
}

// address is `name <ip>`.
func address[T any](path, name, def string, set func(*T, netip.Addr)) cursor.Row[T] {
	return doc("", def, valued(path, name, config.Of(config.Address), func(t *T, c *cursor.Cursor) {
		w, ok := c.Word()
		if !ok {
			return
		}
		a, ok := cursor.ParseAddr(w.Text)
		if !ok {
			c.Errorf(w.Range, diag.BadAddress, "Invalid %s address %s - ignoring", name, w.Text)
		} else {
			set(t, a)
		}
	}))
}

// notify is `name <script>`, which only counts the first time.
func notify[T any](path, name string, owner func(*T) string, at func(*T) **cursor.Script) cursor.Row[T] {
	r := valued(path, name, config.Of(config.Command), func(t *T, c *cursor.Cursor) {
		s, ok := c.Script()
		switch {
		case !ok:
		case *at(t) != nil:
			c.Errorf(s.Range, diag.Duplicate, "(%s) %s script already specified - ignoring %s", owner(t), name, s.Text)
		default:
			*at(t) = s
		}
	})
	r.Script = true
	return r
}

// readReverse takes the optional word behind a weight.
func readReverse(c *cursor.Cursor, words ...string) (reverse bool) {
	w, ok := c.Next()
	if ok && !slices.Contains(words, w.Text) {
		c.Errorf(w.Range, diag.BadValue, "unknown weight option %s", w.Text)
	}
	return w.Text == "reverse"
}

// unsetTiming is the Timing of a block that has said nothing yet.
func unsetTiming() Timing {
	return Timing{ConnectTimeout: Unset, DelayLoop: Unset, Retry: Unset, RetryDelay: Unset, Warmup: Unset}
}

// inherit takes over from what it does not say itself.
func (t *Timing) inherit(from Timing) {
	t.ConnectTimeout = orDuration(t.ConnectTimeout, from.ConnectTimeout)
	t.DelayLoop = orDuration(t.DelayLoop, from.DelayLoop)
	t.RetryDelay = orDuration(t.RetryDelay, from.RetryDelay)
	t.Warmup = orDuration(t.Warmup, from.Warmup)
	if t.Retry == Unset {
		t.Retry = from.Retry
	}
}

// orDuration is d, def when it was not said.
func orDuration(d, def time.Duration) time.Duration {
	if d == Unset {
		return def
	}
	return d
}

// timingRows are the times that virtual servers and real servers share.
func timingRows[T any](path, what string, of func(*T) *Timing) []cursor.Row[T] {
	return []cursor.Row[T]{
		timer(path, "connect_timeout", "5", time.Microsecond, longest, func(t *T, d time.Duration) { of(t).ConnectTimeout = d }),
		doc("", "as the checker has it", valued(path, "retry", config.Whole(1, math.MaxUint32), func(t *T, c *cursor.Cursor) {
			n, ok := c.Number()
			if !ok {
				c.Hint("%s retry value invalid", what)
				return
			}
			of(t).Retry = n
		})),
		timer(path, "delay_before_retry", "as the checker has it", 0, config.NoEnd, func(t *T, d time.Duration) { of(t).RetryDelay = d }),
		timer(path, "warmup", "delay_loop", 0, config.NoEnd, func(t *T, d time.Duration) { of(t).Warmup = d }),
		timer(path, "delay_loop", "60", time.Microsecond, config.NoEnd, func(t *T, d time.Duration) { of(t).DelayLoop = d }),
	}
}

// decoder is the state of one Load.
type decoder struct {
	cfg      *Config
	g        *global.Config
	diags    *diag.List
	groups   map[string]*Group     // virtual_server_group
	files    map[string]*TrackFile // track_file so far
	bfds     map[string]*BFD       // bfd_instance so far
	order    cursor.Order
	services map[string]int // how many of a key there are
	ssl      bool           // an SSL block was read
}
