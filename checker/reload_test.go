package checker

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"keepalived/checker/ipvs"
	pb "keepalived/proto/keepalived/v1"
)

// A reload that changes nothing causes nothing: no line about a server, no event, no word
// to the worker; probes keep their place in time.
func TestReloadWithoutChange(t *testing.T) {
	r := newRig(t)
	text := two("sorry_server 10.0.0.5 80")
	r.configure(text)
	r.run(4 * time.Second)
	r.said()
	r.told, r.events, r.began = nil, nil, nil
	next := r.d.director.Next()
	r.configure("# moved\n\n" + text)
	r.expect("Reloading", "Reinitializing ipvs")
	r.operations()
	if len(r.events) != 0 || r.d.director.Next() != next || len(r.began) != 0 {
		t.Errorf("events %v, probes %v, next %v was %v", r.events, r.began, r.d.director.Next(), next)
	}
	if r.plan.GetKept() != 1 || len(r.plan.GetChanged())+len(r.plan.GetAdded())+len(r.plan.GetRemoved()) != 0 {
		t.Errorf("plan %v", r.plan)
	}
	if r.all != 2 || len(r.records) != 3 {
		t.Errorf("%d times all of the records, %d of them", r.all, len(r.records))
	}
}

// What has changed is edited, and nothing else.
func TestReload(t *testing.T) {
	r := newRig(t)
	other := strings.ReplaceAll(two(""), "10.0.0.100", "10.0.0.101")
	r.configure(two("") + other)
	r.run(4 * time.Second)
	r.said()
	r.operations("set TCP 10.0.0.100:80", "set TCP 10.0.0.101:80")

	r.configure(strings.Replace(two(""), "lvs_sched rr", "lvs_sched wlc", 1) + other) // the kernel's affair alone
	r.operations("set TCP 10.0.0.100:80")
	r.expect("Reloading", "Reinitializing ipvs")
	if got := r.plan.GetChanged(); len(got) != 1 || got[0] != vs1 {
		t.Errorf("changed: %v", got)
	}

	r.configure(strings.ReplaceAll(two(""), "10.0.0.2 80", "10.0.0.3 80")) // a server, a service
	r.operations("remove TCP 10.0.0.101:80", "set TCP 10.0.0.100:80")
	log := strings.Join(r.said(), "\n")
	for _, line := range []string{"service " + rs2 + " no longer exist", "Removing service " + rs2 + " from VS " + vs1, "Removing Virtual Server [10.0.0.101]:tcp:80"} {
		if !strings.Contains(log, line) {
			t.Errorf("%q is not in the log:\n%s", line, log)
		}
	}
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/1 10.0.0.3:80/1")
	gone := 0
	for _, e := range r.events {
		if e.GetServer().GetRemoved() || e.GetService().GetRemoved() {
			gone++
		}
	}
	if gone != 2 {
		t.Errorf("%d events of what is gone, want 2", gone)
	}
	if len(r.d.lives) != 1 {
		t.Errorf("%d services are remembered", len(r.d.lives))
	}
	r.configure(two("") + other)
	r.said()
	r.configure("virtual_server_group G {\n10.0.0.7 80\n}\n") // none at all
	r.has()
	if log := r.said(); log[2] != "This reload removes 2 of 2 virtual servers" {
		t.Errorf("log: %q", log)
	}
}

// Namesakes are one service of the kernel, as with 2.2.7; what one of them loses the
// other may still have.
func TestNamesakes(t *testing.T) {
	r := newRig(t)
	second := strings.NewReplacer("10.0.0.1 80", "10.0.0.3 80", "lvs_sched rr", "lvs_sched wlc").Replace(two(""))
	r.configure(two("") + second)
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/1 10.0.0.2:80/1 10.0.0.3:80/1")
	r.down["10.0.0.3"] = true
	r.run(3 * time.Second)
	r.has(full)
	r.configure(second)
	r.has("TCP 10.0.0.100:80: wlc 10.0.0.3:80/1 10.0.0.2:80/1")
	r.d.stop(r.now)
	r.has()
}

// The next process goes on with what the parent remembers: standings, overrides, and
// retries from the first probe on. It tells nobody that nothing has happened.
func TestResume(t *testing.T) {
	r := newRig(t)
	text := "global_defs {\nlvs_flush\n}\n" + two("quorum_up /bin/true")
	r.configure(text)
	r.down["10.0.0.2"] = true
	r.run(5 * time.Second)
	if _, err := r.set(&pb.SetServerCommand{KeepMode: true, Override: &pb.ServerOverride{Service: vs1, Server: "10.0.0.1", Weight: weight(5)}}); err != nil {
		t.Fatal(err)
	}
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/5")
	memory := r.memory()
	r.boot()
	r.log, r.told, r.scripts = nil, nil, nil
	r.down["10.0.0.1"] = true // lost packets
	r.configure(text, memory)
	r.operations("set TCP 10.0.0.100:80") // and no flush
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/5")
	r.expect("Initializing ipvs", "Going on with what was known of VS "+vs1+" before the restart",
		"Activating healthchecker for service "+rs1+" for VS "+vs1, "Activating healthchecker for service "+rs2+" for VS "+vs1)
	if s := r.d.view(r.now).serviceProto(0); s.GetInState().AsDuration() != 5*time.Second || time.Since(s.GetSince().AsTime()) < 4*time.Second {
		t.Errorf("since: %v, %v", s.GetInState().AsDuration(), s.GetSince().AsTime())
	}
	r.run(900 * time.Millisecond) // both have been probed once
	if !slices.Contains(r.began, "10.0.0.1") {
		t.Fatal("no probe")
	}
	clear(r.down)
	r.run(5 * time.Second)
	for _, l := range r.said() {
		if strings.Contains(l, "failed") || strings.Contains(l, "quorum") {
			t.Errorf("one lost packet: %s", l)
		}
	}
	if len(r.scripts) != 0 {
		t.Errorf("scripts: %v", r.scripts)
	}
	// What is set for a server that is not there any more is dropped, and told.
	r.boot()
	r.dropped = nil
	r.configure(strings.ReplaceAll(two(""), "10.0.0.1 80", "10.0.0.9 80"), memory)
	if len(r.dropped) != 1 || !r.dropped[0].GetRemoved() || r.dropped[0].GetOverride().GetServer() != "10.0.0.1:80" || len(r.d.overrides.byKey) != 0 {
		t.Errorf("dropped: %v", r.dropped)
	}
}

func weight(n int32) *int32 { return &n }

// TestWantsOfTheReal: every configuration is, for the kernel, what 2.2.7 made of it
// (ipvsadm -Sn, sorted; checkercfg/testdata).
func TestWantsOfTheReal(t *testing.T) {
	text, err := os.ReadFile("checkercfg/testdata/endpoints.conf")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("checkercfg/testdata/endpoints.ipvs")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	r.configure(string(text))
	var got []string
	for k, e := range r.d.table.entries {
		name := keyOption(k)
		got = append(got, "-A "+name+serviceOptions(&e.service))
		for i := range e.dests {
			got = append(got, "-a "+name+" -r "+e.dests[i].Addr.String()+destinationOptions(&e.dests[i]))
		}
	}
	slices.Sort(got)
	wanted := strings.Split(strings.TrimSpace(string(want)), "\n")
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		t.Errorf("want\n%s\ngot\n%s", strings.Join(wanted, "\n"), strings.Join(got, "\n"))
	}
}

func keyOption(k ipvs.Key) string {
	switch {
	case k.Mark != 0 && k.Family == ipvs.INET6:
		return fmt.Sprintf("-f %d -6", k.Mark)
	case k.Mark != 0:
		return fmt.Sprintf("-f %d", k.Mark)
	}
	return map[ipvs.Protocol]string{ipvs.TCP: "-t ", ipvs.UDP: "-u ", ipvs.SCTP: "--sctp-service "}[k.Protocol] + k.Addr.String()
}

func serviceOptions(s *ipvs.Service) string {
	out := " -s " + s.Scheduler
	if s.Timeout > 0 {
		out += fmt.Sprintf(" -p %d", s.Timeout)
	}
	switch m := s.Netmask; {
	case m != 0 && s.Family == ipvs.INET6:
		out += fmt.Sprintf(" -M %d", m)
	case m != 0:
		out += fmt.Sprintf(" -M %d.%d.%d.%d", m>>24, m>>16&255, m>>8&255, m&255)
	}
	if s.Engine != "" {
		out += " --pe " + s.Engine
	}
	if s.Flags&ipvs.OnePacket != 0 {
		out += " -o"
	}
	var flags []string
	if s.Flags&ipvs.Sched1 != 0 {
		flags = append(flags, s.Scheduler+"-fallback")
	}
	if s.Flags&ipvs.Sched2 != 0 {
		flags = append(flags, s.Scheduler+"-port")
	}
	if len(flags) > 0 {
		out += " -b " + strings.Join(flags, ",")
	}
	return out
}

func destinationOptions(d *ipvs.Destination) string {
	out := map[ipvs.Method]string{ipvs.NAT: " -m", ipvs.DirectRoute: " -g", ipvs.Tunnel: " -i"}[d.Method] + fmt.Sprintf(" -w %d", d.Weight)
	if d.Method != ipvs.Tunnel {
		return out
	}
	sum := map[ipvs.TunnelFlags]string{0: " --tun-nocsum", ipvs.Checksum: " --tun-csum", ipvs.RemoteChecksum: " --tun-remcsum"}[d.TunnelFlags]
	switch d.TunnelType {
	case ipvs.GUE:
		return out + fmt.Sprintf(" --tun-type gue --tun-port %d", d.TunnelPort) + sum
	case ipvs.GRE:
		return out + " --tun-type gre" + sum
	}
	return out + " --tun-type ipip"
}
