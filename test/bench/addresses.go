package main

import (
	"fmt"
	"slices"
	"syscall"
	"time"
)

// manyAddresses is how many excluded addresses the instance has beside its one
// advertised address.
const manyAddresses = 2000

// burstWatch is how long the first burst is watched; the second follows after
// garp_master_delay.
const burstWatch = 900 * time.Millisecond

// addresses: one instance with 2,001 addresses becomes master and is stopped.
func addresses(s *session) {
	conf := router{version: 3, priority: 150, interval: 10 * hundredth}
	for i := range manyAddresses {
		conf.excluded = append(conf.excluded, fmt.Sprintf("%s/32 dev eth0", v4(10<<24+uint32(i)+1)))
	}
	p := s.newPair(conf, conf)
	w := s.watchAddrs(p.a.host)
	p.start(p.a)
	from := time.Now()
	var first time.Time
	p.await(5*time.Second, "the first advert", func() bool {
		a, ok := p.advertOf(p.a, from)
		first = a.At
		return ok
	})
	pause(burstWatch)
	end := first.Add(burstWatch)
	var last time.Time
	set := 0
	for _, e := range w.since(from) {
		if e.added && e.at.Before(end) {
			last, set = e.at, set+1
		}
	}
	if set != manyAddresses+1 {
		s.Fatalf("%d addresses were set, want %d", set, manyAddresses+1)
	}
	s.addMS("addr-last", last.Sub(first))
	p.tape.read()
	for _, g := range p.tape.garps {
		if g.SHA == p.a.mac && g.At.Before(end) {
			last = g.At
		}
	}
	s.addMS("addr-garp", last.Sub(first))
	s.add("addr-garps", float64(p.tape.garpsBetween(from, end, p.a.mac)))
	s.addMS("addr-late", max(0, slices.Max(p.tape.lateness(from, end, p.a.addr, conf.interval))))
	pause(time.Second) // the second burst

	at := time.Now()
	p.a.proc.Signal(syscall.SIGTERM)
	p.a.proc.Wait(10 * time.Second)
	zero, ok := p.resignation(p.a, at)
	if !ok {
		s.Fatal("no priority 0 advert")
	}
	removed := 0
	p.await(time.Second, "the notifications of all removals", func() bool {
		removed = 0
		for _, e := range w.since(at) {
			if !e.added {
				last, removed = e.at, removed+1
			}
		}
		return removed == manyAddresses+1
	})
	s.addMS("addr-removed", last.Sub(zero.At))
	p.tape.capture.Stop()
	if n := p.tape.capture.Lost(); n > 0 {
		s.Errorf("the capture lost %d packets", n)
	}
}
