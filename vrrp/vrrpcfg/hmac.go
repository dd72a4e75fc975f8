package vrrpcfg

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

const hmacPath = instancePath + "/auth_hmac"

// Octets of a key of auth_hmac.
const (
	minKey = 32
	maxKey = 64
)

// longestWindow ends time_window, in seconds.
const longestWindow = 300

// hmac is an auth_hmac block under construction.
type hmac struct {
	HMAC
	b      *building
	active diag.Range // place of active_key
}

func (b *building) readHMAC(c *cursor.Cursor) {
	h := hmac{b: b}
	hmacTable.Decode(&h, c.Block(), c.Diags())
	known := slices.ContainsFunc(h.Keys, func(k HMACKey) bool { return k.ID == h.Active })
	switch {
	case len(h.Keys) == 0:
		c.Errorf(c.Range(), diag.NotFound, "(%s) auth_hmac has no key - ignoring", b.Name)
	case h.Active == 0:
		c.Errorf(c.Range(), diag.NotFound, "(%s) auth_hmac has no active_key - ignoring", b.Name)
	case !known:
		c.Errorf(h.active, diag.NotFound, "(%s) auth_hmac has no key %d - ignoring", b.Name, h.Active)
	default:
		b.HMAC = &h.HMAC
		c.Errorf(c.Range(), diag.Unsupported, "(%s) auth_hmac is not built yet: adverts are sent and accepted without it", b.Name)
	}
}

func hmacRows() []cursor.Row[hmac] {
	key := line(hmacPath, "key", "<id> <text>|hex:<digits>|file:<path>", 2, (*hmac).readKey)
	key.Secret = 2
	rows := []cursor.Row[hmac]{
		doc("id 1..255; 32..64 octets", "", key),
		valued(hmacPath, "active_key", config.Whole(1, 255), func(h *hmac, c *cursor.Cursor) {
			if n, ok := c.Number(); ok {
				h.Active, h.active = uint8(n), c.Line()
			}
		}),
		doc("", "time", valued(hmacPath, "anti_replay", config.OneOf("time", "monotonic"), func(h *hmac, c *cursor.Cursor) {
			if i, ok := c.Choice(""); ok {
				h.Monotonic = i == 1
			}
		})),
		doc("", "three advert intervals, at least 5", valued(hmacPath, "time_window", config.Whole(1, longestWindow).In(config.Seconds), func(h *hmac, c *cursor.Cursor) {
			if t, ok := c.Duration(); ok {
				h.Window = t
			}
		})),
		doc("", "enforce", valued(hmacPath, "mode", config.OneOf("enforce", "permissive", "receive-only"), func(h *hmac, c *cursor.Cursor) {
			if i, ok := c.Choice(""); ok {
				h.Mode = HMACMode(i)
			}
		})),
	}
	for i := range rows {
		rows[i].Since = "2.4.0"
	}
	return rows
}

// readKey reads `<id> <value>`. A complaint never shows the value.
func (h *hmac) readKey(c *cursor.Cursor) {
	id, ok := c.Int(1, 255)
	if !ok {
		return
	}
	w, ok := c.Word()
	if !ok {
		return
	}
	k := HMACKey{ID: uint8(id)}
	digits, isHex := strings.CutPrefix(w.Text, "hex:")
	path, isFile := strings.CutPrefix(w.Text, "file:")
	switch {
	case slices.ContainsFunc(h.Keys, func(o HMACKey) bool { return o.ID == k.ID }):
		c.Errorf(c.Range(), diag.Duplicate, "(%s) auth_hmac key %d is there already - ignoring", h.b.Name, id)
		return
	case isFile:
		k.File = path
	case isHex:
		octets, err := hex.DecodeString(digits)
		if err != nil {
			c.Errorf(w.Range, diag.BadValue, "(%s) auth_hmac key %d is no even number of hexadecimal digits - ignoring", h.b.Name, id)
			return
		}
		k.Secret = string(octets)
	default:
		k.Secret = w.Text
	}
	if n := len(k.Secret); !isFile && (n < minKey || n > maxKey) {
		c.Errorf(w.Range, diag.BadValue, "(%s) auth_hmac key %d has %d octets, not %d to %d - ignoring", h.b.Name, id, n, minKey, maxKey)
		return
	}
	h.Keys = append(h.Keys, k)
}

// completeHMAC settles what depends on the rest of the instance.
func (b *building) completeHMAC() {
	h := b.HMAC
	if h == nil {
		return
	}
	if b.Auth.Type != NoAuth {
		b.complain("auth_hmac", diag.Conflict, "auth_hmac excludes authentication - ignoring auth_hmac")
		b.HMAC = nil
		return
	}
	if h.Window == 0 {
		h.Window = min(max(3*b.Election.AdvertInt, 5*time.Second), longestWindow*time.Second)
	}
	if b.Election.Strict && h.Mode != HMACEnforce {
		b.complain("auth_hmac", diag.Conflict, "strict mode requires auth_hmac to be enforced - resetting")
		h.Mode = HMACEnforce
	}
}
