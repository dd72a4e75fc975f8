package checkercfg

import (
	"math"
	"slices"
	"strings"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// regexOptions are the words of regex_options: the compile options of PCRE2 in small
// letters.
var regexOptions = strings.Fields("allow_empty_class alt_bsux auto_callout caseless dollar_endonly dotall dupnames extended firstline " +
	"match_unset_backref multiline never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize " +
	"ucp ungreedy utf never_backslash_c alt_circumflex alt_verbnames use_offset_limit")

// regexRows are those of a url that look into the body. Debian's 2.2.7, which is built
// without them, reads anything: what is wrong with them is a note.
func regexRows(path string) []cursor.Row[check] {
	pattern := line(path, "regex", "<quoted pattern>", 0, func(k *check, c *cursor.Cursor) {
		words, err := config.SplitShell(c.Node().Raw.Text)
		if err != nil || len(words) == 0 {
			c.Diags().Noticef(c.Range(), diag.BadValue, "regex has no pattern - ignoring")
			return
		}
		k.regex.Pattern, k.pattern = words[0], true
	})
	pattern.Script = true
	options := line(path, "regex_options", "<option>...", 0, func(k *check, c *cursor.Cursor) {
		for w, ok := c.Next(); ok; w, ok = c.Next() {
			if slices.Contains(regexOptions, w.Text) {
				k.regex.Options = append(k.regex.Options, w.Text)
			} else {
				c.Diags().Noticef(w.Range, diag.BadValue, "regex_options has no '%s' - ignoring", w.Text)
			}
		}
	})
	stack := line(path, "regex_stack", "<start> <max>", 0, func(k *check, c *cursor.Cursor) {
		start, ok1 := readQuietly(c, 0, math.MaxUint32)
		end, ok2 := readQuietly(c, 0, math.MaxUint32)
		if ok1 && ok2 {
			k.regex.StackStart, k.regex.StackMax = start, end
		}
	})
	rows := []cursor.Row[check]{
		pattern,
		flag(path, "regex_no_match", func(k *check) { k.regex.NoMatch = true }),
		doc(strings.Join(regexOptions, ", "), "none", options),
		offset(path, "regex_min_offset", "0", func(k *check) *int64 { return &k.regex.MinOffset }),
		offset(path, "regex_max_offset", "none", func(k *check) *int64 { return &k.regex.MaxOffset }),
		doc("0..4294967295 octets each", "the library's", stack),
	}
	for i := range rows {
		rows[i].Effect = noRegex
	}
	return rows
}

// offset is a place in the body, in octets from its start.
func offset(path, name, def string, at func(*check) *int64) cursor.Row[check] {
	v := config.Whole(0, math.MaxUint32).In(config.Bytes)
	return doc("", def, optional(valued(path, name, v, func(k *check, c *cursor.Cursor) {
		if n, ok := readQuietly(c, v.Min, v.Max); ok {
			*at(k) = n
		}
	})))
}

// readQuietly reads a number of which 2.2.7 does not complain whatever it is.
func readQuietly(c *cursor.Cursor, min, max int64) (n int64, ok bool) {
	var found diag.List
	w, more := c.Next()
	if more {
		n, ok = cursor.New(c.Node(), &found).ParseInt(w, w.Text, min, max)
	}
	if !ok {
		c.Diags().Noticef(c.Line(), diag.BadNumber, "%s needs a number of %d to %d - ignoring", c.Name(), min, max)
	}
	return n, ok
}
