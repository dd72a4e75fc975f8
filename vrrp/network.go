package vrrp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"

	"keepalived/core/clock"
	"keepalived/core/loop"
	"keepalived/vrrp/sock"
	"keepalived/vrrp/wire"
)

// network is the child's sockets. They are opened in the process's network namespace
// before the loop runs.
type network struct {
	d         *daemon
	receivers [2]*receiver
	senders   [2]*sock.Sender
	announcer *sock.Announcer
	join      joiner
	resend    []*instance
	retry     loop.Timer
}

func (n *network) open(d *daemon) error {
	n.d = d
	n.announcer = sock.NewAnnouncer()
	n.join = joiner{mail: make(chan []joinRequest, 1), members: sock.NewMemberships(), log: d.log}
	n.retry = d.timers.Make(func(now, _ clock.Instant) { n.retrySends(now) })
	for i, f := range [...]sock.Family{sock.IPv4, sock.IPv6} {
		r, err := sock.Open(sock.Config{Family: f})
		if err != nil {
			// A host without IPv6 runs IPv4 all the same.
			if f == sock.IPv6 {
				continue
			}
			return err
		}
		n.receivers[i] = d.newReceiver(r)
		if n.senders[i], err = sock.OpenSender(f); err != nil {
			return err
		}
	}
	return nil
}

// sendAdvert sends one advert with priority to everybody the instance talks to.
func (d *daemon) sendAdvert(in *instance, priority uint8) {
	source := in.mc.Source
	if !source.IsValid() {
		return // in FAULT for want of it; the resignation has no sender either
	}
	if priority == 0 {
		in.counters.zeroSent++
	} else {
		in.counters.sent++
	}
	if !in.unicast() {
		d.sendTo(in, priority, source, in.cfg.Identity.Destination, wire.HopLimit)
		return
	}
	ttl := uint8(wire.HopLimit)
	if in.cfg.Unicast.TTL >= 0 {
		ttl = uint8(in.cfg.Unicast.TTL)
	}
	for i := range in.mc.Peers {
		d.sendTo(in, priority, source, in.mc.Peers[i].Addr, ttl)
	}
}

func (d *daemon) sendTo(in *instance, priority uint8, from, to netip.Addr, ttl uint8) {
	s := d.net.senders[family(in.family())]
	if s == nil {
		in.counters.sendErrors++
		return
	}
	out := wire.Outgoing{
		Version: in.mc.Version, VRID: in.mc.VRID, Priority: priority, Interval: in.mc.AdverInt, Addrs: in.mc.VIPs,
		AuthType: wire.AuthType(in.mc.Auth), Auth: in.mc.Password, Source: from, Destination: to,
	}
	if in.cfg.Election.V3ChecksumAsV2 && in.mc.Version == wire.V3 && from.Is4() {
		out.Checksum = wire.ChecksumPlain
	}
	var err error
	if in.pdu, err = wire.AppendAdvert(in.pdu[:0], &out); err == nil {
		in.ipid++
		err = s.Send(d.link(in), from, to, ttl, in.ipid, in.pdu)
	}
	if err == nil {
		return
	}
	in.counters.sendErrors++
	if sock.IsRetry(err) {
		d.net.resend = append(d.net.resend, in)
		return
	}
	if l, ok := d.links.Link(in.slot); in.slot >= 0 && (!ok || !l.Ready()) {
		return // the last words on a link that is down: it is logged that it is
	}
	if in.counters.sendErrors == 1 || in.counters.sendErrors%100 == 0 {
		d.log.Info(fmt.Sprintf("(%s) sending an advert to %s: %v (%d times)", in.cfg.Name, to, err, in.counters.sendErrors))
	}
}

// flush is the end of a turn: adverts that met a full queue are tried again soon.
func (n *network) flush() {
	if len(n.resend) > 0 {
		n.retry.Set(n.d.loop.Now().Add(resendAfter))
	}
}

func (n *network) retrySends(clock.Instant) {
	again := n.resend
	n.resend = nil
	for _, in := range again {
		if in.st.Phase == fsmMaster {
			n.d.sendAdvert(in, in.st.Priority)
		}
	}
}

// joiner joins multicast groups on a goroutine of its own: the kernel's RTNL lock may
// be held by others for milliseconds.
type joiner struct {
	// mail holds what was asked for and not yet done. The loop takes it out, adds to
	// it and puts it back, so that it never waits.
	mail    chan []joinRequest
	members *sock.Memberships
	log     *slog.Logger
}

type joinRequest struct {
	m      membership
	action joinAction
}

type joinAction uint8

const (
	join joinAction = iota
	leave
	forget // the link is gone
)

// ask is for the loop alone and never blocks.
func (j *joiner) ask(m membership, a joinAction) {
	var waiting []joinRequest
	select {
	case waiting = <-j.mail:
	default:
	}
	j.mail <- append(waiting, joinRequest{m, a})
}

func (j *joiner) run(ctx context.Context) error {
	defer j.members.Close()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case requests := <-j.mail:
			for _, r := range requests {
				j.do(r)
			}
		}
	}
}

func (j *joiner) do(r joinRequest) {
	var err error
	switch r.action {
	case join:
		err = j.members.Join(r.m.link, r.m.group)
	case leave:
		err = j.members.Leave(r.m.link, r.m.group)
	case forget:
		j.members.Forget(r.m.link)
	}
	if err != nil && !sock.IsGone(err) {
		j.log.Error(err.Error())
	}
}

// listen holds the instance's group on the link it is on now.
func (d *daemon) listen(in *instance) {
	var want membership
	if !in.unicast() && in.slot >= 0 {
		if l, ok := d.links.Link(in.slot); ok {
			want = membership{l.Index, in.cfg.Identity.Destination}
		}
	}
	d.listenAt(in, want)
}

func (d *daemon) listenAt(in *instance, want membership) {
	if in.joined == want {
		return
	}
	if in.joined.link != 0 {
		d.net.join.ask(in.joined, leave)
	}
	in.joined = want
	if want.link != 0 {
		d.net.join.ask(want, join)
	}
}

// linkForgotten lets go of everything tied to a link that was deleted.
func (d *daemon) linkForgotten(index int32) {
	d.net.join.ask(membership{link: index}, forget)
	for _, in := range d.instances {
		if in.joined.link == index {
			in.joined = membership{}
		}
	}
	if c := d.net.announcer.Forget(index); c != nil {
		go closeQuietly(c) // waits for the kernel for some milliseconds
	}
}

func closeQuietly(c io.Closer) { _ = c.Close() }

// broadcastOf is what the dump shows for an Ethernet interface.
const broadcastMAC = "ff:ff:ff:ff:ff:ff"
