package main

import (
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	reloads = 5
	// reloadWatch is how long adverts are watched after each reload.
	reloadWatch = 600 * time.Millisecond
)

// reload: a lone master with four addresses reads the same file again and again.
func reload(s *session) {
	conf := router{version: 3, priority: 255, interval: 10 * hundredth,
		vips: []string{vip.String() + "/24", "192.0.2.101/24", "192.0.2.102/24", "192.0.2.103/24"}}
	p := s.newPair(conf, conf)
	p.start(p.a)
	p.awaitMaster(p.a)
	pause(1500 * time.Millisecond) // the second burst of gratuitous ARPs
	s.add("memory-1", s.memory(tree(p.a.proc)))
	before := moves(p.a.proc.Log())
	at := time.Now()
	for range reloads {
		anyPhase(conf.interval)
		s.reloaded(p.a)
		pause(reloadWatch)
	}
	end := time.Now()
	late := p.tape.lateness(at, end, p.a.addr, conf.interval)
	if len(late) == 0 {
		s.Fatal("no adverts")
	}
	s.addMS("reload-delay", max(0, slices.Max(late)))
	s.add("reload-garps", float64(p.tape.garpsBetween(at, end, p.a.mac)))
	s.add("reload-moves", float64(moves(p.a.proc.Log())-before))
}

// reloaded sends SIGHUP and waits until the daemon says that it is done.
func (s *session) reloaded(n *node) {
	done := func() int { return strings.Count(n.proc.Log(), "Reload complete") }
	before := done()
	n.proc.Signal(syscall.SIGHUP)
	s.await(20*time.Second, "the end of the reload", func() bool { return done() > before })
}
