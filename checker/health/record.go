package health

import "keepalived/core/clock"

// CheckKey is what a checker asks of its server. Nth counts those that ask the same.
type CheckKey struct {
	Kind   Kind
	Digest uint64
	Nth    uint8
}

// Record is what is remembered of one checker, or (Server is "") of the quorum of one
// service, so that a new process goes on where the former was.
type Record struct {
	Service, Server string // keys
	Check           CheckKey
	Up              bool
	Delta           int32
	Since           clock.Instant
}

// keys returns what the checkers of a server ask, in their order.
func (c *ServerConfig) keys() []CheckKey {
	out := make([]CheckKey, len(c.Checks))
	for i := range c.Checks {
		key := CheckKey{Kind: c.Checks[i].Kind, Digest: c.Checks[i].Digest}
		for _, before := range out[:i] {
			if before.Kind == key.Kind && before.Digest == key.Digest {
				key.Nth++
			}
		}
		out[i] = key
	}
	return out
}

// match finds for every new checker the old one whose standing it inherits, -1 for
// none: the one that asks the same, else, of those that are left, the next of its kind.
func match(from, to []CheckKey) []int {
	out := make([]int, len(to))
	taken := make([]bool, len(from))
	take := func(i int, same func(a, b CheckKey) bool) {
		for j := range from {
			if !taken[j] && same(from[j], to[i]) {
				out[i], taken[j] = j, true
				return
			}
		}
	}
	for i := range to {
		out[i] = -1
		take(i, func(a, b CheckKey) bool { return a == b })
	}
	for i := range to {
		if out[i] < 0 {
			take(i, func(a, b CheckKey) bool { return a.Kind == b.Kind })
		}
	}
	return out
}
