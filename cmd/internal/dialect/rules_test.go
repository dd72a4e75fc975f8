package dialect_test

import (
	"slices"
	"strings"
	"testing"

	"keepalived/core/diag"
)

// betterRule is a class of our findings by which we mean to differ from 2.2.7, whatever
// the configuration. It has a line of the area "rule" in the ledger.
type betterRule struct {
	code diag.Code
	item string
	// elsewhere: 2.2.7 says other things, and on other lines, of the same trouble.
	elsewhere bool
}

var better = []betterRule{
	{code: diag.Surplus, item: "words behind a complete keyword"},
	{code: diag.UnknownBlock, item: "an unknown block", elsewhere: true},
	{code: diag.Undefined, item: "${NAME} that is not defined", elsewhere: true},
	{code: diag.Lookalike, item: "characters that look like others"},
	{code: diag.LongLine, item: "a line longer than 1022 octets"},
}

type ruleBook struct {
	used map[string]int
}

// betterRules checks that each rule is in the ledger.
func betterRules(t *testing.T, l ledgerText) *ruleBook {
	for _, r := range better {
		if !slices.ContainsFunc(l.all, func(e entry) bool {
			return e.area == "rule" && e.item == r.item && e.state == "differs-because"
		}) {
			t.Errorf("the ledger has no rule %q", r.item)
		}
	}
	return &ruleBook{used: map[string]int{}}
}

// explain reports whether the difference between both is one that the rules mean: it is
// gone without our findings of their classes.
func (b *ruleBook) explain(their verdict, our checked) bool {
	var rest diag.List
	var used []betterRule
	for _, d := range our.diags {
		i := slices.IndexFunc(better, func(r betterRule) bool { return r.code == d.Code })
		if i < 0 {
			rest = append(rest, d)
			continue
		}
		used = append(used, better[i])
	}
	if len(used) == 0 {
		return false
	}
	elsewhere := slices.ContainsFunc(used, func(r betterRule) bool { return r.elsewhere })
	if elsewhere {
		// Only the unknown word itself is at the same place.
		if our.status != their.status || !strings.Contains(their.output, "Unexpected '{' - ignoring") {
			return false
		}
	} else {
		our.setDiags(rest)
		if differs(their, our) != "" {
			return false
		}
	}
	for _, r := range used {
		b.used[r.item]++
	}
	return true
}
