package main

import (
	"slices"
	"syscall"
	"time"

	"keepalived/test/netlab"
)

// killPair is a master of the program under test and the real keepalived as its
// backup, the same observer for both programs, with both hosts' addresses watched.
type killPair struct {
	*pair
	wa, wb *addrWatch
}

func (s *session) newKillPair(version int, interval time.Duration) *killPair {
	p := &killPair{pair: s.newPair(
		router{version: version, priority: 150, interval: interval},
		router{version: version, priority: 100, interval: interval})}
	p.b.bin = s.opt.bins[theirs]
	p.wa, p.wb = s.watchAddrs(p.a.host), s.watchAddrs(p.b.host)
	p.settle()
	return p
}

// child is the pid of the daemon's only child.
func (p *killPair) child() int {
	var kids []int
	p.await(5*time.Second, "one child", func() bool {
		kids = p.a.proc.Children()
		return len(kids) == 1
	})
	return kids[0]
}

// killChild kills the master's VRRP child and watches until the backup must have
// taken over, if it does.
func (p *killPair) killChild(row string) {
	child := p.child()
	anyPhase(p.a.conf.interval)
	before := moves(p.b.proc.Log())
	at := time.Now()
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		p.Fatal(err)
	}
	watch := p.b.conf.masterDown() + 2*p.a.conf.interval
	pause(watch)
	nowhere, twice := ownership(vip, at, at.Add(watch), p.wa, p.wb)
	p.addMS(row+"-away", nowhere)
	p.addMS(row+"-two", twice)
	p.add(row+"-moves", float64(moves(p.b.proc.Log())-before))
	var back netlab.Advert
	p.await(10*time.Second, "the master's adverts", func() (ok bool) {
		back, ok = p.advertOf(p.a, at)
		return ok
	})
	p.addMS(row+"-silent", back.At.Sub(at))
}

func killV3(s *session) { s.newKillPair(3, 10*hundredth).killChild("kill-v3") }

func killV2(s *session) {
	p := s.newKillPair(2, time.Second)
	p.removeVIP()
	p.awaitMaster(p.a)
	p.killChild("kill-v2")
	p.awaitMaster(p.a)
	p.killParent()
}

// removeVIP takes the master's address away, as an administrator or another program
// may.
func (p *killPair) removeVIP() {
	before := moves(p.a.proc.Log()) + moves(p.b.proc.Log())
	at := time.Now()
	p.a.host.IP("addr", "del", vip.String()+"/24", "dev", "eth0")
	var gone, back time.Time
	p.await(10*time.Second, "the address to be back", func() bool {
		for _, e := range p.wa.since(at) {
			switch {
			case e.addr != vip:
			case !e.added && gone.IsZero():
				gone = e.at
			case e.added && !gone.IsZero():
				back = e.at
				return true
			}
		}
		return false
	})
	p.addMS("restore-back", back.Sub(gone))
	pause(time.Second)
	p.add("restore-moves", float64(moves(p.a.proc.Log())+moves(p.b.proc.Log())-before))
}

// killParent kills the master's parent alone.
func (p *killPair) killParent() {
	kids := p.a.proc.Descendants()
	at := time.Now()
	p.a.proc.Signal(syscall.SIGKILL)
	p.await(10*time.Second, "the children's end", func() bool { return !slices.ContainsFunc(kids, exists) })
	p.addMS("parent-gone", time.Since(at))
	pause(200 * time.Millisecond)
	left := 0.0
	if p.a.host.HasAddr(vip.String()) {
		left = 1
	}
	p.add("parent-orphans", left)
	for _, e := range p.wa.since(at) {
		if e.addr == vip && !e.added {
			p.addMS("parent-vip", e.at.Sub(at))
			break
		}
	}
	if zero, ok := p.resignation(p.a, at); ok {
		p.addMS("parent-zero", zero.At.Sub(at))
	}
}
