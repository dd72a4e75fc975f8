package checker

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"keepalived/checker/health"
	"keepalived/checker/ipvs"
	pb "keepalived/proto/keepalived/v1"
)

// table is what the loop wants of ip_vs and has heard of it, by service of the kernel:
// several virtual servers may share one (2.2.7 merges namesakes), and a group has many.
type table struct {
	d       *daemon
	worker  tableWorker
	entries map[ipvs.Key]*entry
	touched map[ipvs.Key]bool // to be looked at when the turn ends,
	order   []ipvs.Key        // in this order
	gen     uint64
	absent  error // this kernel has no ip_vs
	netns   atomic.Pointer[string]
}

// entry is one service of the kernel.
type entry struct {
	gen     uint64 // of what is wanted
	service ipvs.Service
	dests   []ipvs.Destination
	present bool
	done    bool  // it is in force
	err     error // why not
	failed  int   // operations
}

func (t *table) init(d *daemon) {
	t.d, t.entries, t.touched = d, map[ipvs.Key]*entry{}, map[ipvs.Key]bool{}
}

// openTable connects to ip_vs, in the network namespace that the first configuration
// names.
func (d *daemon) openTable() (*ipvs.Conn, error) {
	name := ""
	if p := d.table.netns.Load(); p != nil {
		name = *p
	}
	return ipvs.Open(name)
}

// touch notes that the wanted destinations of a service have changed.
func (t *table) touch(s *service) {
	if s == nil {
		return
	}
	for _, k := range s.ends {
		t.touchKey(k)
	}
}

func (t *table) touchKey(k ipvs.Key) {
	if !t.touched[k] {
		t.touched[k] = true
		t.order = append(t.order, k)
	}
}

// touchAll notes everything that is to be, in the order of the file, and everything that
// was wanted.
func (t *table) touchAll() {
	for _, s := range t.d.model.services {
		t.touch(s)
	}
	for k := range t.entries {
		t.touchKey(k)
	}
}

// flush says what has changed to the worker.
func (t *table) flush() {
	for _, k := range t.order {
		t.sync(k)
	}
	t.order = t.order[:0]
	clear(t.touched)
}

// sync compares what is wanted of a service with what the worker was told.
func (t *table) sync(k ipvs.Key) {
	service, dests, present := t.d.wanted(k)
	e := t.entries[k]
	switch {
	case e == nil && !present:
		return
	case e == nil:
		e = &entry{}
		t.entries[k] = e
	case e.present && present && e.service == service && slices.Equal(e.dests, dests):
		return
	}
	t.gen++
	*e = entry{gen: t.gen, service: service, dests: dests, present: present, err: e.err}
	if !present {
		t.worker.Remove(e.gen, k)
		return
	}
	t.worker.SetWant(e.gen, service, slices.Clone(dests))
}

// wanted is what a service of the kernel is to be: the parameters of the first virtual
// server that stands for it, the destinations of all.
func (d *daemon) wanted(k ipvs.Key) (s ipvs.Service, dests []ipvs.Destination, present bool) {
	if d.director == nil {
		return s, nil, false
	}
	for _, u := range d.model.users[k] {
		h := d.director.Service(u.key)
		if h == nil || h.State.Stopped {
			continue
		}
		if !present {
			s, present = kernelService(u.cfg, k), true
		}
		dests = addDestinations(dests, u.destinations(h, k))
	}
	return s, dests, present
}

// destinations are those of one virtual server now, in one of its services of the kernel.
func (s *service) destinations(h *health.Service, k ipvs.Key) []ipvs.Destination {
	var out []ipvs.Destination
	for _, w := range h.State.AppendWanted(h.Config, nil) {
		if w.Server != health.SorryServer {
			d := s.dests[w.Server]
			d.Addr, d.Weight = place(k, d), uint32(w.Weight)
			out = append(out, d)
			continue
		}
		d := s.sorry
		d.Addr, d.Weight = place(k, d), uint32(w.Weight)
		same := slices.IndexFunc(out, func(o ipvs.Destination) bool { return o.Addr == d.Addr })
		switch {
		case same < 0:
			out = append(out, d)
		case d.Weight > 0: // a real server is the sorry server as well, and is needed as that
			out[same] = d
		}
	}
	return out
}

// applied is the worker's answer.
func (d *daemon) applied(a ipvs.Applied) {
	t := &d.table
	e := t.entries[a.Service]
	if e == nil || a.Gen != e.gen {
		return
	}
	switch missing := errors.Is(a.Err, ipvs.ErrNoIPVS); {
	case missing && t.absent == nil:
		t.absent = a.Err
		d.info(fmt.Sprintf("IPVS: Can't initialize ipvs: %v. Servers are checked all the same, and ip_vs is looked for again", a.Err))
	case !missing && t.absent != nil && e.present: // what is not to be needs no ip_vs
		t.absent = nil
		d.info("IPVS: ip_vs is there now")
	}
	was := e.err
	e.done, e.err, e.failed = a.Err == nil, a.Err, a.Failed
	switch {
	case a.Err == nil && was != nil && !errors.Is(was, ipvs.ErrNoIPVS):
		d.info(fmt.Sprintf("IPVS: %s is as wanted now", a.Service))
	case a.Err != nil && t.absent == nil && (was == nil || was.Error() != a.Err.Error()):
		d.info(fmt.Sprintf("IPVS: %v, trying again", a.Err))
	}
	if e.done && !e.present {
		delete(t.entries, a.Service)
	}
}

// repaired tells that somebody else had changed the table; bounded, so that a stubborn
// one is not a flood of events.
func (d *daemon) repaired(r ipvs.Repaired) {
	name := r.Service.String()
	for _, s := range d.model.users[r.Service] {
		d.life(s.key).repairs++
		name = s.cfg.Name()
	}
	const told = 10
	if r.Times > told && r.Times%100 != 0 {
		return
	}
	drift, server, what := r.Drift.String(), "", "virtual server "+name
	if r.Server.IsValid() {
		server = d.serverAt(r.Service, r.Server)
		what = "service " + server + " of VS " + name
	}
	if r.Fields != 0 {
		drift += " (" + r.Fields.String() + ")"
	}
	d.info("IPVS: " + repairText(r.Drift, what, drift))
	d.event(&pb.Event{Kind: &pb.Event_TableRepaired{TableRepaired: &pb.TableRepaired{
		Service: name, Server: server, Drift: drift, Times: r.Times}}})
}

func repairText(dr ipvs.Drift, what, drift string) string {
	switch dr {
	case ipvs.Vanished:
		return what + " was removed by somebody else, put back"
	case ipvs.Intruder:
		return what + " was added by somebody else, removed"
	}
	return what + " was " + drift + " by somebody else, set again"
}

// serverAt names a destination of a service of the kernel.
func (d *daemon) serverAt(k ipvs.Key, at netip.AddrPort) string {
	for _, s := range d.model.users[k] {
		for i := range s.dests {
			if place(k, s.dests[i]) == at {
				return s.cfg.Servers[i].Name()
			}
		}
		if s.cfg.Sorry != nil && place(k, s.sorry) == at {
			return s.cfg.SorryName()
		}
	}
	return at.String()
}

// standing tells whether ip_vs has what is wanted of a service.
func (t *table) standing(s *service) (state pb.TableState, why string) {
	if t.absent != nil {
		return pb.TableState_TABLE_STATE_ABSENT, strings.TrimPrefix(t.absent.Error(), ipvs.ErrNoIPVS.Error()+": ")
	}
	state = pb.TableState_TABLE_STATE_APPLIED
	for _, k := range s.ends {
		e := t.entries[k]
		switch {
		case e == nil || e.done:
		case e.err != nil:
			return pb.TableState_TABLE_STATE_PENDING, e.err.Error()
		default:
			state = pb.TableState_TABLE_STATE_PENDING
		}
	}
	return state, ""
}

// settled reports whether everything that is wanted of the service is in force.
func (t *table) settled(s *service) bool {
	state, _ := t.standing(s)
	return state == pb.TableState_TABLE_STATE_APPLIED
}
