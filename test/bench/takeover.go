package main

import (
	"syscall"
	"time"
)

// crash: the owner of the address dies with all its processes; its backup takes over.
type crash struct {
	interval time.Duration
	version  int
	samples  int
}

func (c crash) row() string {
	if c.interval == time.Second {
		return "crash-1s"
	}
	return "crash-" + c.interval.String()
}

func (c crash) run(s *session) {
	p := s.newPair(
		router{version: c.version, priority: 255, interval: c.interval}, // master at once
		router{version: c.version, priority: 100, interval: c.interval})
	p.settle()
	for i := range c.samples {
		if i > 0 {
			p.awaitMaster(p.b) // it was, and the first burst is over
			p.start(p.a)
			p.awaitMaster(p.a)
		}
		anyPhase(c.interval)
		at := time.Now()
		p.a.proc.Crash()
		var garp time.Time
		p.await(p.b.conf.masterDown()+3*time.Second, "the takeover", func() (ok bool) {
			garp, ok = p.garpOf(p.b, at)
			return ok
		})
		var last time.Time
		for _, a := range p.tape.adverts {
			if a.Src == p.a.addr && a.At.Before(garp) {
				last = a.At
			}
		}
		beyond := garp.Sub(last) - p.b.conf.masterDown()
		if beyond < -5*time.Millisecond {
			s.Fatalf("the backup took over %v before its time", -beyond)
		}
		s.addMS(c.row(), beyond)
	}
}

// stop: the master is told to stop and resigns.
func stop(s *session) {
	conf := router{version: 3, interval: 10 * hundredth}
	owner, backup := conf, conf
	owner.priority, backup.priority = 255, 100
	p := s.newPair(owner, backup)
	p.settle()
	for i := range 3 {
		if i > 0 {
			p.start(p.a)
			p.awaitMaster(p.a)
		}
		anyPhase(conf.interval)
		pids := tree(p.a.proc)
		at := time.Now()
		p.a.proc.Signal(syscall.SIGTERM)
		p.a.proc.Wait(10 * time.Second)
		gone := time.Now()
		for _, pid := range pids {
			if exists(pid) {
				s.Errorf("process %d is left", pid)
			}
		}
		zero, ok := p.resignation(p.a, at)
		if !ok {
			s.Fatal("no priority 0 advert")
		}
		var garp time.Time
		p.await(time.Second, "the takeover", func() (ok bool) {
			garp, ok = p.garpOf(p.b, zero.At)
			return ok
		})
		s.addMS("stop-zero", zero.At.Sub(at))
		s.addMS("stop-garp", garp.Sub(zero.At)-backup.skew())
		s.addMS("stop-gone", gone.Sub(at))
	}
}
