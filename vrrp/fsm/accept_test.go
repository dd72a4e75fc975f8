package fsm

import (
	"net/netip"
	"testing"
	"time"
)

func TestAccept(t *testing.T) {
	vip := netip.MustParseAddr("192.0.2.100")
	pass := [8]byte{'1', '1', '1', '1'}
	multicast := Config{Version: V2, VRID: 51, Source: self, Priority: 100, AdverInt: sec, VIPs: []netip.Addr{vip}}
	withPass := multicast
	withPass.Auth, withPass.Password = AuthPass, pass
	unicast := multicast
	unicast.Unicast = true
	unicast.Peers = []Peer{{above, 0, 255}, {below, 254, 254}}
	checked := unicast
	checked.CheckUnicastSource = true
	v3 := multicast
	v3.Version = V3
	ignoring := multicast
	ignoring.Priority, ignoring.OwnerIgnoreAdverts = 255, true
	skipping := multicast
	skipping.SkipCheckAdvAddr = true

	good := Packet{Source: above, Multicast: true, TTL: 255, Version: V2, VRID: 51, Priority: 150, AdverInt: sec, Count: 1}
	with := func(f func(*Packet)) Packet { p := good; f(&p); return p }
	uni := func(f func(*Packet)) Packet { p := good; p.Multicast = false; f(&p); return p }
	nothing := func(*Packet) {}

	tests := []struct {
		name string
		c    Config
		p    Packet
		want Judgement
	}{
		{"good", multicast, good, Judgement{}},
		{"§7.1: TTL 254", multicast, with(func(p *Packet) { p.TTL = 254 }), refuse(RefusedTTL, 254, 255)},
		{"unicast advert for a multicast instance", multicast, uni(nothing), refuse(RefusedUnicast, 0, 0)},
		{"multicast advert for a unicast instance", unicast, good, refuse(RefusedUnicast, 0, 0)},
		{"unicast: the TTL is not looked at by default", unicast, uni(func(p *Packet) { p.TTL = 3 }), Judgement{}},
		{"unicast: any source by default", unicast, uni(func(p *Packet) { p.Source = self }), Judgement{}},
		{"unicast, checked: a peer", checked, uni(nothing), Judgement{}},
		{"unicast, checked: no peer", checked, uni(func(p *Packet) { p.Source = self }), refuse(RefusedPeer, 0, 0)},
		{"unicast, checked: below min_ttl", checked, uni(func(p *Packet) { p.Source, p.TTL = below, 253 }), refuse(RefusedTTL, 253, 254)},
		{"unicast, checked: above max_ttl", checked, uni(func(p *Packet) { p.Source, p.TTL = below, 255 }), refuse(RefusedTTL, 255, 254)},
		{"unicast, checked: at its only TTL", checked, uni(func(p *Packet) { p.Source, p.TTL = below, 254 }), Judgement{}},
		{"version 3 at a version 2 instance", multicast, with(func(p *Packet) { p.Version = V3 }), refuse(RefusedVersion, 3, 2)},
		{"version 2 at a version 3 instance", v3, good, refuse(RefusedVersion, 2, 3)},
		{"another VRID", multicast, with(func(p *Packet) { p.VRID = 52 }), refuse(RefusedVRID, 52, 51)},
		{"no authentication, expecting a password", withPass, good, refuse(RefusedAuthType, 0, 1)},
		{"a password, expecting none", multicast, with(func(p *Packet) { p.AuthType, p.Auth = 1, pass }), refuse(RefusedAuthType, 1, 0)},
		{"wrong password", withPass, with(func(p *Packet) { p.AuthType, p.Auth = 1, [8]byte{'1', '1', '1', '2'} }), refuse(RefusedPassword, 0, 0)},
		{"right password", withPass, with(func(p *Packet) { p.AuthType, p.Auth = 1, pass }), Judgement{}},
		{"v2: another interval", multicast, with(func(p *Packet) { p.AdverInt = 3 * sec }), refuse(RefusedInterval, int64(3*sec), int64(sec))},
		{"v3: another interval is noted", v3, with(func(p *Packet) { p.Version, p.AdverInt = V3, 3*sec }), Judgement{Mismatch: MismatchInterval, Got: int64(3 * sec), Want: int64(sec)}},
		{"more addresses are noted", multicast, with(func(p *Packet) { p.Count = 2 }), Judgement{Mismatch: MismatchCount, Got: 2, Want: 1}},
		{"another address is noted", multicast, with(func(p *Packet) { p.Missing = vip }), Judgement{Mismatch: MismatchAddress}},
		{"skip_check_adv_addr, an unknown master: noted", skipping, with(func(p *Packet) { p.Missing, p.Source = vip, below }), Judgement{Mismatch: MismatchAddress}},
		{"skip_check_adv_addr, the known master", skipping, with(func(p *Packet) { p.Missing = vip }), Judgement{}},
		{"owner_ignore_adverts", ignoring, good, refuse(RefusedOwner, 0, 0)},
		{"order: TTL before password", withPass, with(func(p *Packet) { p.TTL = 1 }), refuse(RefusedTTL, 1, 255)},
		{"order: version before authentication", withPass, with(func(p *Packet) { p.Version = V3 }), refuse(RefusedVersion, 3, 2)},
		{"order: password before interval", withPass, with(func(p *Packet) { p.AdverInt = 3 * sec; p.AuthType = 1 }), refuse(RefusedPassword, 0, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := State{Phase: Backup, Master: above}
			if got := Accept(&tt.c, &s, &tt.p); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestRefusedMovesNothing: whoever sends what Accept refuses cannot keep a Master
// from sending. (keepalived 2.2.7 and 2.4.3 send none of the due adverts.)
func TestRefusedMovesNothing(t *testing.T) {
	c := conf()
	s := inMaster(t, c)
	sent := 0
	for at := 10 * ms; at < 10*sec; at += 50 * ms {
		if now := t0.Add(at); now >= s.Deadline() {
			var as Actions
			s, as = Step(c, s, now, ev(EvTick))
			for i := range as.Len() {
				if as.At(i).Kind == ActSendAdvert {
					sent++
				}
			}
		}
		p := Packet{Source: below, Multicast: true, TTL: 254, Version: V2, VRID: 51, Priority: 50, AdverInt: time.Second}
		if Accept(c, &s, &p).Refusal != RefusedTTL {
			t.Fatal("accepted")
		}
	}
	if sent != 9 {
		t.Errorf("%d adverts, want 9", sent)
	}
}

func TestNamesAreComplete(t *testing.T) {
	for r := range Refusal(refusals) {
		if r.String() == "" {
			t.Errorf("refusal %d has no name", r)
		}
	}
	for k := EvStartup; k < eventKinds; k++ {
		if k.String() == "" {
			t.Errorf("event %d has no name", k)
		}
	}
	for m := Msg(1); m < messages; m++ {
		if msgNames[m] == "" {
			t.Errorf("message %d has no name", m)
		}
	}
}
