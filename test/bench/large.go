package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"keepalived/test/netlab"
)

const (
	largeReloads = 3
	// seldom keeps 40,000 checks from being the load that is measured.
	seldom = 600
)

// large is a configuration of 4,000 instances and 40,000 real servers, and half of it: -t
// of both, and reloads of the running daemon: with the same file, and with one whose
// virtual servers are others. A reload is held against keepalived's -t of the file, which
// stands in its column: 2.2.7's own reload compares every checker with every other and
// takes minutes.
func large(s *session) {
	lab := netlab.New(s)
	a, b := lab.Host("a"), lab.Host("b")
	for k := range links(checkedInstances) {
		dev := fmt.Sprintf("eth%d", k)
		lab.Pair(a, dev, b, dev)
		a.IP("addr", "add", linkAddr(k, 1).String()+"/24", "dev", dev)
	}
	half := manyRouters(checkedInstances/2, 100) + manyServices(checkedServices/2, serversEach, seldom)
	whole := manyRouters(checkedInstances, 100) + manyServices(checkedServices, serversEach, seldom)
	small, _ := s.checkOne(a, "check-half", half)
	took, cpu := s.checkOne(a, "check-large", whole)
	s.add("check-growth", took.Seconds()/small.Seconds())
	if s.side == theirs {
		for _, row := range []string{"reload-large", "reload-service"} {
			s.addMS(row, took)
			s.addMS(row+"-cpu", cpu)
		}
		return
	}
	t := &tape{capture: b.Capture("eth0")} // one link's instances stand for all
	n := &node{host: a, proc: s.start(a, s.bin, whole)}
	s.await(60*time.Second, "the start", func() bool { return strings.Contains(n.proc.Log(), "Startup complete") })
	pause(10 * time.Second) // all are MASTER, the announcements have gone, memory is given back
	s.add("memory-large", s.memory(tree(n.proc)))
	for range largeReloads {
		s.reloadLarge(n, t, "reload-large")
	}
	for i := range largeReloads {
		s.rewrite(n, strings.Replace(whole, "weight 1\n", fmt.Sprintf("weight %d\n", i+2), 1))
		s.reloadLarge(n, t, "reload-service")
	}
}

// reloadLarge measures one reload.
func (s *session) reloadLarge(n *node, t *tape, row string) {
	at, before := time.Now(), s.cpu(tree(n.proc))
	s.reloaded(n)
	s.addMS(row, time.Since(at))
	s.addMS(row+"-cpu", s.cpu(tree(n.proc))-before)
	pause(1500 * time.Millisecond) // every instance advertises once more
	late := t.lateness(at, time.Now(), linkAddr(0, 1), time.Second)
	if len(late) < perLink {
		s.Fatalf("only %d adverts of %d instances about a reload", len(late), perLink)
	}
	s.addMS(row+"-delay", max(0, slices.Max(late)))
}

// rewrite replaces the configuration of a running daemon.
func (s *session) rewrite(n *node, config string) {
	if err := os.WriteFile(n.proc.Path("/etc/keepalived/keepalived.conf"), []byte(config), 0o644); err != nil {
		s.Fatal(err)
	}
}
