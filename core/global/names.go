package global

import (
	"maps"
	"strconv"
	"strings"
)

// NameTable maps names to the numbers they stand for.
type NameTable map[string]uint32

// Names are what the numbers of routing are called, as iproute2 keeps them in files of
// one directory: rt_tables, rt_protos, rt_scopes, rt_dsfield, rt_realms and group.
type Names struct {
	Tables, Protocols, Scopes, DSFields, Realms, Groups NameTable
}

// BuiltinNames are those that need no file. A file takes one away when it has its name or
// its number.
func BuiltinNames() *Names {
	return &Names{
		Tables: NameTable{"default": 253, "main": 254, "local": 255},
		Protocols: NameTable{
			"none": 0, "redirect": 1, "kernel": 2, "boot": 3, "static": 4, "gated": 8, "ra": 9, "mrt": 10,
			"zebra": 11, "bird": 12, "dnrouted": 13, "xorp": 14, "ntk": 15, "dhcp": 16, "babel": 42,
		},
		Scopes:   NameTable{"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255},
		DSFields: NameTable{}, Realms: NameTable{}, Groups: NameTable{},
	}
}

// Equal reports whether both have the same names.
func (n *Names) Equal(o *Names) bool {
	if n == nil || o == nil {
		return n == o
	}
	return maps.Equal(n.Tables, o.Tables) && maps.Equal(n.Protocols, o.Protocols) && maps.Equal(n.Scopes, o.Scopes) &&
		maps.Equal(n.DSFields, o.DSFields) && maps.Equal(n.Realms, o.Realms) && maps.Equal(n.Groups, o.Groups)
}

// Read takes the lines `<number> <name>` of a file into the table of the builtin names; of
// a name that is there twice the first counts. Lines of another form, and numbers above
// limit, are passed over.
func (t NameTable) Read(text string, limit uint32) {
	builtin := maps.Clone(t)
	said := map[string]bool{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 2 || strings.HasPrefix(f[0], "#") || said[f[1]] {
			continue
		}
		if n, err := strconv.ParseUint(f[0], 0, 32); err == nil && n <= uint64(limit) {
			for name, number := range builtin {
				if number == uint32(n) && !said[name] {
					delete(t, name)
				}
			}
			said[f[1]] = true
			t[f[1]] = uint32(n)
		}
	}
}
