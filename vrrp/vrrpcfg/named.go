package vrrpcfg

import (
	"math"
	"strconv"
	"strings"

	"keepalived/core/global"
)

// nameKind is a kind of number that iproute2's files have names for.
type nameKind uint8

const (
	tables nameKind = iota
	protocols
	scopes
	dsFields
	realms
	groups
)

// limit is the largest number of each kind.
func (k nameKind) limit() uint64 {
	return [...]uint64{math.MaxUint32, math.MaxUint8, math.MaxUint8, math.MaxUint8, math.MaxUint16, math.MaxInt32}[k]
}

func (k nameKind) of(n *global.Names) global.NameTable {
	return [...]global.NameTable{n.Tables, n.Protocols, n.Scopes, n.DSFields, n.Realms, n.Groups}[k]
}

// number is what text stands for: a number as C writes them (0x10, 010), or a name. Where
// names are not known here every name is good, and comes back as unresolved.
func (d *decoder) number(k nameKind, text string) (n uint32, ok bool, unresolved string) {
	if n, ok := cNumber(text, k.limit()); ok {
		return n, true, ""
	}
	if d.g.Names != nil {
		n, ok = k.of(d.g.Names)[text]
		return n, ok, ""
	}
	if n, ok = k.of(global.BuiltinNames())[text]; ok {
		return n, true, ""
	}
	if text == "" || strings.ContainsRune("0123456789-+", rune(text[0])) {
		return 0, false, ""
	}
	return 0, true, text + " "
}

// realms reads `[<from>/]<to>` into from << 16 | to.
func (d *decoder) realms(text string) (n uint32, ok bool, unresolved string) {
	from, to, both := strings.Cut(text, "/")
	if !both {
		return d.number(realms, from)
	}
	f, ok1, u1 := d.number(realms, from)
	t, ok2, u2 := d.number(realms, to)
	if u1+u2 != "" {
		unresolved = u1 + "/" + u2
	}
	return f<<16 | t, ok1 && ok2, unresolved
}

// cNumber reads a number as C writes them, up to limit.
func cNumber(text string, limit uint64) (uint32, bool) {
	if strings.ContainsAny(text, "_bBoO") && !strings.HasPrefix(strings.ToLower(text), "0x") {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 0, 32)
	return uint32(n), err == nil && n <= limit
}
