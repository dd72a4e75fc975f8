package checkercfg

import (
	"math"
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// Checkers that connect to nothing: something else tells them.

func bfdCheckRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		line(path, "name", "<bfd_instance>", 0, func(k *check, c *cursor.Cursor) {
			k.named = true
			if c.Left() != 1 {
				c.Errorf(c.Range(), diag.BadValue, "(%s) BFD_CHECK - No or too many names specified - skipping checker", k.r.title())
				return
			}
			w, _ := c.Next()
			switch b := k.r.s.d.bfds[w.Text]; {
			case b == nil:
				c.Errorf(w.Range, diag.NotFound, "(%s) BFD_CHECK - BFD %s not configured", k.r.title(), w.Text)
				return
			case !b.Checker:
				c.Errorf(w.Range, diag.NotFound, "(%s) BFD_CHECK - BFD %s not configured", k.r.title(), w.Text)
				c.Hint("bfd_instance %s has the word vrrp alone: add checker to it", w.Text)
				return
			case slices.ContainsFunc(k.r.checks, func(o *check) bool { return o.bfd == b }):
				c.Errorf(w.Range, diag.Duplicate, "(%s) BFD_CHECK - RS already monitoring %s", k.r.title(), w.Text)
				return
			default:
				k.bfd = b
			}
			k.r.s.d.order.Late(c, w, sprintf("(%s) BFD_CHECK - BFD", k.r.title()), "does not check it", "bfd_instance")
		}),
		boolean(path, "alpha", "the real server's", "Invalid alpha parameter %s", func(k *check, v bool) { k.alpha = global.SwitchOf(v) }),
	}
}

func finishBFD(k *check, c *cursor.Cursor) bool {
	if !k.named {
		c.Errorf(c.Range(), diag.BadValue, "(%s) No name has been specified for BFD_CHECKER - skipping", k.r.title())
	}
	return k.bfd != nil
}

func fileCheckRows(path string) []cursor.Row[check] {
	weight := optional(valued(path, "weight", config.Whole(-math.MaxInt32, math.MaxInt32), func(k *check, c *cursor.Cursor) {
		if !c.More() {
			c.Errorf(c.Range(), diag.BadValue, "track file weight missing")
		} else if n, ok := c.Number(); ok {
			k.file.Weight, k.file.WeightSet = n, true
			k.file.Reverse = readReverse(c, "reverse", "noreverse")
		}
	}))
	weight.Grammar = "<n> [reverse|noreverse]"
	return []cursor.Row[check]{
		valued(path, "track_file", config.Of(config.Text), func(k *check, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			if _, known := k.r.s.d.files[w.Text]; !known {
				c.Errorf(w.Range, diag.NotFound, "track_file %s not found", w.Text)
				return
			}
			k.r.s.d.order.Late(c, w, "track_file", "does not check it", "track_file", "vrrp_track_file")
			k.file.Name = w.Text
		}),
		doc("", "the file's", weight),
	}
}

func finishFile(k *check, c *cursor.Cursor) bool {
	if k.file.Name == "" {
		c.Errorf(c.Range(), diag.BadValue, "FILE_CHECK has no track_file specified - ignoring")
		return false
	}
	if own := k.r.s.d.files[k.file.Name]; !k.file.WeightSet {
		k.file.Weight, k.file.Reverse = own.Weight, own.Reverse
	}
	return true
}
