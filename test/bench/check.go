package main

import (
	"fmt"
	"strings"
	"time"

	"keepalived/test/netlab"
)

const (
	checkedInstances = 4000
	checkedServices  = 10000
	serversEach      = 4
)

// check times -t of two large configurations, on a host that has all the interfaces
// they name. The time includes some 3 ms in which the harness makes the process's
// private mounts.
func check(s *session) {
	lab := netlab.New(s)
	a, b := lab.Host("a"), lab.Host("b")
	for k := range links(checkedInstances) {
		lab.Pair(a, fmt.Sprintf("eth%d", k), b, fmt.Sprintf("eth%d", k))
	}
	s.checkOne(a, "check-instances", manyRouters(checkedInstances, 100))
	s.checkOne(a, "check-services", manyServices(checkedServices, serversEach, 5))
}

func (s *session) checkOne(h *netlab.Host, row, config string) (took, cpu time.Duration) {
	at := time.Now()
	p := h.Start(netlab.ProcOpts{Config: config}, s.bin, "-t")
	peak := make(chan float64, 1)
	go func() { peak <- peakMemory(p) }()
	status := p.Wait(30 * time.Second)
	took = time.Since(at)
	if status != 0 {
		s.Fatalf("%s: -t ended with %d: %.300s", row, status, p.Log())
	}
	s.addMS(row, took)
	cpu = p.CPU()
	s.addMS(row+"-cpu", cpu)
	s.add(row+"-memory", <-peak)
	return took, cpu
}

// peakMemory watches a process until its end and returns the largest resident set
// that the kernel has noted for it, in MB, as it stood at most 5 ms before the end.
func peakMemory(p *netlab.Proc) (mb float64) {
	for p.Running() {
		if kb := statusKB(p.Pid(), "VmHWM:"); kb > 0 {
			mb = float64(kb) / 1024
		}
		pause(5 * time.Millisecond)
	}
	return mb
}

// manyServices is a configuration of virtual servers with TCP checks every delay seconds.
func manyServices(services, servers, delay int) string {
	var b strings.Builder
	for i := range services {
		fmt.Fprintf(&b, "virtual_server %s 80 {\n  delay_loop %d\n  lb_algo rr\n  lb_kind NAT\n  protocol TCP\n", v4(10<<24+uint32(i)), delay)
		for j := range servers {
			fmt.Fprintf(&b, "  real_server %s 80 {\n    weight 1\n    TCP_CHECK {\n      connect_timeout 3\n    }\n  }\n",
				v4(172<<24+16<<16+uint32(i*servers+j)))
		}
		b.WriteString("}\n")
	}
	return b.String()
}
