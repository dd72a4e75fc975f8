package vrrpcfg

import (
	"net/netip"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// building is a vrrp_instance under construction: what was said, before defaults.
type building struct {
	*Instance
	d  *decoder
	at map[string]diag.Range // place of the last line of each keyword

	state    startState
	priority uint8 // 0: none given
	version  uint8 // 0: none given
	family   Family
	unicast  bool // a keyword of unicast was used
	spoiled  bool // a finding about this instance ends the start: say no more

	strict, accept, smtp, prioLines          global.Switch
	lowerPrioNoAdvert, higherPrioSendAdvert  global.Switch
	ownerIgnore, skipCheck, checksumAsV2     global.Switch
	checkSource, downTimerSet, nopreemptSaid bool
	authType, authPass                       bool
}

// startState is `state`.
type startState uint8

const (
	stateUnset startState = iota
	stateBackup
	stateMaster
)

func (d *decoder) readInstance(c *cursor.Cursor) {
	name, ok := c.OnlyName("vrrp_instance must have a name")
	if !ok {
		return
	}
	if d.named[name.Text] != nil {
		c.Errorf(name.Range, diag.Duplicate, "vrrp instance %s already defined", name.Text)
		return
	}
	b := &building{
		Instance: &Instance{Name: name.Text, Range: name.Range},
		d:        d,
		at:       map[string]diag.Range{},
	}
	b.Election.Preempt = true
	b.Unicast.TTL = -1
	b.GARP = GARP{
		Delay: global.UnsetDelay, Refresh: global.UnsetDelay, LowerPrioDelay: global.UnsetDelay, ExtraIf: global.UnsetDelay,
		LowerPrioRepeat: global.UnsetCount, // Repeat and RefreshRepeat: 0 is unset
	}
	for _, n := range c.Block() {
		b.at[n.Keyword.Text] = lineOf(n)
	}
	instanceTable.Decode(b, c.Block(), d.diags)
	d.building = append(d.building, b)
	d.named[b.Name] = b
}

// lineOf is the place of a whole line.
func lineOf(n *config.Node) diag.Range {
	r := n.Keyword.Range
	if k := len(n.Args); k > 0 {
		r = r.To(n.Args[k-1].Range)
	}
	return r
}

// place is where keyword stands, the instance's name when it does not.
func (b *building) place(keyword string) diag.Range {
	if r, ok := b.at[keyword]; ok {
		return r
	}
	return b.Range
}

// complain reports a finding about the setting of keyword, keepalived's text
// behind the instance's name.
func (b *building) complain(keyword string, code diag.Code, format string, args ...any) {
	b.d.diags.Errorf(b.place(keyword), code, "("+b.Name+") "+format, args...)
}

// cannotRun reports what ends a start with this instance.
func (b *building) cannotRun(keyword string, code diag.Code, format string, args ...any) {
	b.d.diags.Fatalf(b.place(keyword), code, "("+b.Name+") "+format, args...)
	b.spoiled = true
}

// takeFamily fixes the family of the instance by the first address that has
// one; false: a is of the other.
func (b *building) takeFamily(a netip.Addr) bool {
	f := FamilyOf(a)
	if b.family == 0 {
		b.family = f
	}
	return b.family == f
}
