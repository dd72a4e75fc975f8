package vrrpcfg

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"keepalived/core/diag"
)

// Change is the set of sub-models in which two generations of an instance differ.
type Change uint16

const (
	// ChangeIdentity restarts the instance; everything else is applied in place.
	ChangeIdentity Change = 1 << iota
	// ChangeElection: priority, interval, preemption and the other rules of the machine.
	ChangeElection
	// ChangeSource: source address.
	ChangeSource
	// ChangeUnicast: peers or their limits.
	ChangeUnicast
	// ChangeAuth: authentication.
	ChangeAuth
	// ChangeGARP: announcement schedule.
	ChangeGARP
	// ChangeAddresses: VIPs or excluded VIPs.
	ChangeAddresses
	// ChangeRoutes: routes or rules.
	ChangeRoutes
	// ChangeTrack: tracked objects or their weights.
	ChangeTrack
	// ChangeNotify: scripts, mail, FIFO lines.
	ChangeNotify
	// ChangeGroup: the sync group.
	ChangeGroup
)

// Restart reports whether the instance must be stopped and started anew: it is
// another router now, or turned from multicast to unicast or back.
func (c Change) Restart() bool { return c&ChangeIdentity != 0 }

// Has reports whether any of the changes of d is in c.
func (c Change) Has(d Change) bool { return c&d != 0 }

// Compare returns in what b differs from a, 0 when an instance is not to be
// touched. Where something stands in the file makes no difference.
func Compare(a, b *Instance) Change {
	var c Change
	differ := func(change Change, same bool) {
		if !same {
			c |= change
		}
	}
	other := b.Identity
	other.Version = a.Identity.Version // a router that goes from 2 to 3 keeps its state
	differ(ChangeIdentity, a.Identity == other && (len(a.Unicast.Peers) == 0) == (len(b.Unicast.Peers) == 0))
	differ(ChangeElection, a.Election == b.Election && a.Identity.Version == b.Identity.Version)
	differ(ChangeSource, a.Source == b.Source)
	differ(ChangeUnicast, equalUnicast(a.Unicast, b.Unicast))
	differ(ChangeAuth, a.Auth == b.Auth && equalHMAC(a.HMAC, b.HMAC))
	differ(ChangeGARP, a.GARP == b.GARP)
	differ(ChangeAddresses, slices.EqualFunc(a.Addresses, b.Addresses, equalAddress) && slices.EqualFunc(a.Excluded, b.Excluded, equalAddress))
	differ(ChangeRoutes, slices.EqualFunc(a.Routes, b.Routes, equalRoute) && slices.EqualFunc(a.Rules, b.Rules, equalRule))
	differ(ChangeTrack, EqualTrack(&a.Track, &b.Track))
	differ(ChangeNotify, EqualNotify(&a.Notify, &b.Notify))
	differ(ChangeGroup, a.Group == b.Group)
	return c
}

func equalUnicast(a, b Unicast) bool {
	return a.TTL == b.TTL && a.CheckSource == b.CheckSource && a.FaultNoPeer == b.FaultNoPeer &&
		a.ChecksumCompat == b.ChecksumCompat && slices.Equal(a.Peers, b.Peers)
}

func equalHMAC(a, b *HMAC) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(a.Keys, b.Keys) && a.Active == b.Active && a.Monotonic == b.Monotonic && a.Window == b.Window && a.Mode == b.Mode
}

func equalAddress(a, b Address) bool {
	a.Range, b.Range = diag.Range{}, diag.Range{}
	return a == b
}

func equalRefs(a, b []TrackRef) bool {
	return slices.EqualFunc(a, b, func(x, y TrackRef) bool {
		x.Range, y.Range = diag.Range{}, diag.Range{}
		return x == y
	})
}

// EqualTrack reports whether two instances or groups watch the same with the
// same weights.
func EqualTrack(a, b *Track) bool {
	return slices.EqualFunc(a.Interfaces, b.Interfaces, func(x, y TrackInterface) bool {
		x.Range, y.Range = diag.Range{}, diag.Range{}
		return x == y
	}) &&
		equalRefs(a.Scripts, b.Scripts) && equalRefs(a.Files, b.Files) &&
		equalRefs(a.Processes, b.Processes) && equalRefs(a.BFDs, b.BFDs) &&
		a.NoPrimary == b.NoPrimary && a.LinkbeatPolling == b.LinkbeatPolling
}

// EqualNotify reports whether two instances or groups tell the same in the same way.
func EqualNotify(a, b *Notify) bool {
	return a.Master.Equal(b.Master) && a.Backup.Equal(b.Backup) && a.Fault.Equal(b.Fault) && a.Stop.Equal(b.Stop) &&
		a.Any.Equal(b.Any) && a.RxLowerPri.Equal(b.RxLowerPri) && a.Deleted.Equal(b.Deleted) &&
		a.DeletedSet == b.DeletedSet && a.SMTPAlert == b.SMTPAlert && a.PriorityChanges == b.PriorityChanges
}

// EqualGroup reports whether two sync groups are the same.
func EqualGroup(a, b *Group) bool {
	return a.Name == b.Name && slices.Equal(a.Members, b.Members) && a.TrackingWeight == b.TrackingWeight &&
		EqualTrack(&a.Track, &b.Track) && EqualNotify(&a.Notify, &b.Notify)
}

// EqualScript reports whether two vrrp_scripts are the same: then the result and
// the schedule of the running one are kept.
func EqualScript(a, b *Script) bool {
	return a.Name == b.Name && a.Interval == b.Interval && a.Timeout == b.Timeout && a.Weight == b.Weight && a.Reverse == b.Reverse &&
		a.Rise == b.Rise && a.Fall == b.Fall && a.InitFail == b.InitFail && a.Used == b.Used && a.Script.Equal(b.Script)
}

// Plan is what a reload does, by instance name, in the order of the new file
// (Removed: of the old).
type Plan struct {
	Kept      []string
	Changed   map[string]Change
	Restarted []string
	Removed   []string
	Added     []string
}

// Diff plans the reload from one generation to the next.
func Diff(from, to *Config) Plan {
	p := Plan{Changed: map[string]Change{}}
	before, after := from.byName(), to.byName()
	for _, i := range from.Instances {
		if after[i.Name] == nil {
			p.Removed = append(p.Removed, i.Name)
		}
	}
	for _, i := range to.Instances {
		old := before[i.Name]
		if old == nil {
			p.Added = append(p.Added, i.Name)
			continue
		}
		switch c := Compare(old, i); {
		case c == 0:
			p.Kept = append(p.Kept, i.Name)
		case c.Restart():
			p.Restarted = append(p.Restarted, i.Name)
		default:
			p.Changed[i.Name] = c
		}
	}
	return p
}

func (c *Config) byName() map[string]*Instance {
	out := make(map[string]*Instance, len(c.Instances))
	for _, i := range c.Instances {
		out[i.Name] = i
	}
	return out
}

// Empty reports whether no instance is touched.
func (p Plan) Empty() bool {
	return len(p.Changed) == 0 && len(p.Restarted) == 0 && len(p.Removed) == 0 && len(p.Added) == 0
}

// digestVersion changes when what goes into Digest does, so that a record of
// another build is never taken for one of ours.
const digestVersion = 1

// Digest identifies what an instance claims to be, for the hand-over record: a
// crashed child's mastership is resumed only under the same digest. It covers
// what other routers and hosts can see: the virtual router, its addresses, who is
// master by priority and interval, and how adverts are authenticated and addressed.
func (i *Instance) Digest() [8]byte {
	h := sha256.New()
	word := func(s string) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	e := &i.Election
	h.Write([]byte{digestVersion, i.Identity.VRID, byte(i.Identity.Family), i.Identity.Version, e.Priority, e.DownTimerAdverts, byte(i.Auth.Type)})
	h.Write(i.Auth.Pass[:])
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(e.AdvertInt))
	h.Write(t[:])
	word(i.Name)
	word(i.Identity.Interface)
	word(i.Identity.VRF)
	word(i.Identity.Destination.String())
	word(i.Source.Addr.String())
	for _, p := range i.Unicast.Peers {
		word(p.Addr.String())
	}
	for _, list := range [][]Address{i.Addresses, i.Excluded} {
		word("addresses")
		for _, a := range list {
			word(a.Prefix.String())
			word(a.Dev)
		}
	}
	return [8]byte(h.Sum(nil)[:8])
}
