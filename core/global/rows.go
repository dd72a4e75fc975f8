package global

import (
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// row is one keyword of global_defs or outside any block, and how it is read.
type row struct {
	cursor.Row[Config]
}

// What has no effect yet, by family.
const (
	noMail     = "mail is not sent yet"
	noLife     = "startup and shutdown scripts are not run yet"
	noSNMP     = "there is no SNMP agent yet"
	noDBus     = "there is no D-Bus service yet"
	noVMAC     = "VMAC interfaces are not made yet"
	noFirewall = "no firewall rules are made yet"
	noBFD      = "BFD does not run yet"
	noSched    = "scheduling attributes are not set yet"
	noTimed    = "timed and marked reloads are not built yet"
	noBuffers  = "socket buffer sizes are left to the kernel"
)

// of makes a row of global_defs.
func of(name, grammar string, into func(*Config, *cursor.Cursor)) row {
	return row{cursor.Row[Config]{
		Keyword: config.Keyword{Path: "global_defs", Name: name, Grammar: grammar},
		Into:    into,
	}}
}

// need: the keyword cannot do without n words.
func (r row) need(n int) row { r.Need = n; return r }

// value says what stands behind the keyword.
func (r row) value(v config.Value) row { r.Value = v; return r }

// within adds to the range what the value does not say.
func (r row) within(text string) row { r.Range = text; return r }

// or tells what holds without the keyword.
func (r row) or(def string) row { r.Default = def; return r }

func (r row) since(version string) row { r.Since = version; return r }

func (r row) effect(text string) row { r.Effect = text; return r }

func (r row) insteadOf(use string) row { r.Deprecated = use; return r }

// asScript makes the value a command.
func (r row) asScript() row {
	r.Row.Script, r.Value = true, config.Of(config.Command)
	return r
}

// seconds makes the number one of seconds.
func (r row) seconds() row { r.Value.Unit = config.Seconds; return r }

// root moves the keyword out of global_defs.
func (r row) root() row { r.Path = ""; return r }

// flag is a keyword without words that switches something on.
func flag(name string, at func(*Config) *bool) row {
	return of(name, "", func(g *Config, _ *cursor.Cursor) { *at(g) = true }).value(config.Of(config.Flag)).or("off")
}

// boolean is `name [on|true|yes|off|false|no]`; no word is on.
func boolean(name, complaint string, at func(*Config) *bool) row {
	return of(name, "", func(g *Config, c *cursor.Cursor) {
		if v, ok := c.Bool(complaint); ok {
			*at(g) = v
		}
	}).value(config.Of(config.Bool)).or("off")
}

// tristate is a boolean that remembers whether it was said.
func tristate(name, complaint string, at func(*Config) *Switch) row {
	return of(name, "", func(g *Config, c *cursor.Cursor) {
		if v, ok := c.Bool(complaint); ok {
			*at(g) = SwitchOf(v)
		}
	}).value(config.Of(config.Bool))
}

// number is `name <n>` within [min, max]; hint says what follows from a bad one.
func number(name string, min, max int64, hint string, set func(*Config, int64)) row {
	return of(name, "", func(g *Config, c *cursor.Cursor) {
		n, ok := c.Number()
		if !ok {
			c.Hint("%s", hint)
			return
		}
		set(g, n)
	}).value(config.Whole(min, max)).need(1)
}

// seconds is `name <seconds>` with decimals.
func seconds(name string, places int, min, max time.Duration, at func(*Config) *time.Duration) row {
	return of(name, "", func(g *Config, c *cursor.Cursor) {
		d, ok := c.Duration()
		if !ok {
			c.Hint("%s is left as it is", name)
			return
		}
		*at(g) = d
	}).value(config.Time(places, min, max)).need(1)
}

// text is `name <word>`. missing is the complaint without a word; "" makes the
// word one the keyword cannot do without.
func text(name, grammar, missing string, at func(*Config) *string) row {
	r := of(name, grammar, func(g *Config, c *cursor.Cursor) {
		if w, ok := wordOr(c, missing); ok {
			*at(g) = w.Text
		}
	}).value(config.Of(config.Text))
	if missing == "" {
		r.Need = 1
	}
	return r
}

// wordOr takes a word or complains that it is missing.
func wordOr(c *cursor.Cursor, missing string) (config.Word, bool) {
	w, ok := c.Next()
	if !ok {
		if missing == "" {
			c.Missing()
		} else {
			c.Errorf(c.Range(), diag.BadValue, "%s", missing)
		}
	}
	return w, ok
}

// maxTimer is the longest time that keepalived keeps in 32 bits of microseconds.
const maxTimer = 4294967295 * time.Microsecond

// deprecated says that another keyword should be used.
func deprecated(c *cursor.Cursor, use string) {
	c.Warnf(c.Range(), diag.Deprecated, "Keyword %q is deprecated - please use %q", c.Name(), use)
}
