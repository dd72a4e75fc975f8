package checker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"keepalived/checker/health"
	"keepalived/checker/ipvs"
	"keepalived/core/script"
	pb "keepalived/proto/keepalived/v1"
)

// A life of a virtual server: log lines in 2.2.7's words and order, the table, what the
// parent is told.
func TestLife(t *testing.T) {
	r := newRig(t)
	r.configure(two("sorry_server 10.0.0.5 80\nquorum_up /bin/true\nquorum_down /bin/false"))
	r.expect("Initializing ipvs", "Gained quorum 1+0=1 <= 2 for VS "+vs1,
		"Activating healthchecker for service "+rs1+" for VS "+vs1, "Activating healthchecker for service "+rs2+" for VS "+vs1)
	r.has(full)
	if len(r.scripts) != 1 || !strings.HasSuffix(r.scripts[0].Path, "true") {
		t.Errorf("scripts: %v", r.scripts)
	}
	r.down["10.0.0.2"] = true
	r.run(2 * time.Second)
	r.expect("TCP connection to "+rs1+" success.", "TCP_CHECK on service "+rs2+" failed.", "Removing service "+rs2+" from VS "+vs1)
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/1")

	r.down["10.0.0.1"] = true
	r.run(20 * time.Second)
	r.expect("TCP_CHECK on service "+rs1+" failed after 2 retries.", "Removing service "+rs1+" from VS "+vs1,
		"Lost quorum 1-0=1 > 0 for VS "+vs1, "Adding sorry server [10.0.0.5]:tcp:80 to VS "+vs1, "Removing alive servers from the pool for VS "+vs1)
	r.has("TCP 10.0.0.100:80: rr 10.0.0.5:80/1")
	last := r.events[len(r.events)-1].GetService()
	if !last.GetWasUp() || last.GetService().GetQuorumUp() || last.GetCause() != rs1+": TCP_CHECK: connection refused" {
		t.Errorf("event: %v", last)
	}

	clear(r.down)
	r.run(11 * time.Second)
	r.has(full)
	r.said()
	v := r.d.view(r.now)
	s := v.serviceProto(0)
	c := s.GetServers()[0].GetCheckers()[0]
	if !s.GetQuorumUp() || s.GetTable() != pb.TableState_TABLE_STATE_APPLIED || !s.GetServers()[1].GetAlive() || s.ActiveConnections != nil ||
		c.GetType() != "TCP_CHECK" || !c.GetGood() || c.GetTook().AsDuration() != 7*time.Millisecond || c.GetNextIn() == nil {
		t.Errorf("status: %v", s)
	}
	r.d.stop(r.now)
	r.expect("Shutting down service "+rs1+" from VS "+vs1, "Shutting down service "+rs2+" from VS "+vs1)
	r.has()
}

// With alpha servers are out until they have been good once. That the service is without
// its quorum is reported, though 2.2.7 does not speak of it.
func TestAlpha(t *testing.T) {
	r := newRig(t)
	r.configure(two("alpha"))
	r.expect("Initializing ipvs", "Activating healthchecker for service "+rs1+" for VS "+vs1, "Activating healthchecker for service "+rs2+" for VS "+vs1)
	r.has("TCP 10.0.0.100:80: rr")
	if len(r.events) != 1 || !r.events[0].GetService().GetFirst() || r.events[0].GetService().GetService().GetQuorumUp() {
		t.Errorf("events: %v", r.events)
	}
	r.down["10.0.0.2"] = true
	r.run(3 * time.Second)
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/1")
}

// Every change of a server is an event, with its cause.
func TestServerEvents(t *testing.T) {
	r := newRig(t)
	r.configure(two(""))
	r.run(2 * time.Second)
	r.events = nil
	r.down["10.0.0.2"] = true
	r.run(15 * time.Second)
	clear(r.down)
	r.run(15 * time.Second)
	var got []string
	for _, e := range r.events {
		if c := e.GetServer(); c != nil {
			got = append(got, fmt.Sprintf("%s %t>%t %q", c.Server.Name, c.WasAlive, c.Server.Alive, c.Cause))
		}
	}
	want := []string{rs2 + ` true>false "TCP_CHECK: connection refused"`, rs2 + ` false>true ""`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// Scripts of one server run in order, and of those that wait only the newest does.
func TestScripts(t *testing.T) {
	r := newRig(t)
	r.configure(strings.Replace(two(""), "real_server 10.0.0.2 80 {", "real_server 10.0.0.2 80 {\nnotify_up \"/bin/echo up\"\nnotify_down \"/bin/echo down\"", 1))
	r.run(2 * time.Second)
	turn := func(down bool) {
		r.down["10.0.0.2"] = down
		r.run(13 * time.Second)
	}
	words := func() (out []string) {
		for _, c := range r.scripts {
			out = append(out, c.Argv[len(c.Argv)-1])
		}
		return out
	}
	turn(true)
	turn(false) // the first one has not ended for longer than anybody waits for it
	if got := words(); fmt.Sprint(got) != "[down up]" {
		t.Fatalf("started %v", got)
	}
	r.d.notify.done(r.now, script.Result{ID: r.scripts[0].ID})
	now := r.now
	// Within the patience: up is under way, down and up wait, the newest is run.
	a := &health.Action{Service: r.d.director.Service(vs1).Config, Server: &r.d.director.Service(vs1).Config.Servers[1]}
	r.d.notify.tell(now, a)
	a.Up = true
	r.d.notify.tell(now, a)
	n := len(r.scripts)
	r.d.notify.done(now, script.Result{ID: r.scripts[n-1].ID})
	if got := words(); len(got) != n+1 || got[n] != "up" {
		t.Errorf("started %v", got)
	}
	for _, c := range r.scripts {
		r.d.notify.done(now, script.Result{ID: c.ID})
	}
	if len(r.d.notify.queues) != 0 || len(r.d.notify.runs) != 0 {
		t.Errorf("%d queues and %d runs are left", len(r.d.notify.queues), len(r.d.notify.runs))
	}
}

// rs_init_notifies: notify_up of servers that are up at the start, and not at a reload.
func TestInitNotifies(t *testing.T) {
	r := newRig(t)
	text := "global_defs {\nrs_init_notifies\n}\n" + strings.ReplaceAll(two(""), " 80 {\nTCP_CHECK", " 80 {\nnotify_up \"/bin/echo up\"\nTCP_CHECK")
	r.configure(text)
	if len(r.scripts) != 2 {
		t.Errorf("scripts: %v", r.scripts)
	}
	r.configure(text)
	if len(r.scripts) != 2 {
		t.Errorf("scripts after a reload: %v", r.scripts)
	}
}

// Where ip_vs is missing that is said once; checks, status and events go on.
func TestNoIPVS(t *testing.T) {
	r := newRig(t)
	r.refuse = fmt.Errorf("%w: no module", ipvs.ErrNoIPVS)
	r.configure(two("") + strings.ReplaceAll(two(""), "10.0.0.100", "10.0.0.101"))
	r.down["10.0.0.2"] = true
	r.run(20 * time.Second)
	said := 0
	for _, l := range r.said() {
		if strings.Contains(l, "IPVS") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
	v := r.d.view(r.now)
	s := v.serviceProto(0)
	if s.GetTable() != pb.TableState_TABLE_STATE_ABSENT || !strings.Contains(s.GetTableError(), "no module") || s.GetServers()[1].GetAlive() {
		t.Errorf("status: %v", s)
	}
	// A drain has nothing to wait for.
	o, err := r.set(drainOf(vs1, "10.0.0.1"))
	if err != nil || o.GetMode() != pb.ServerMode_SERVER_MODE_DISABLED {
		t.Errorf("%v, %v", o, err)
	}
	r.said()
	r.refuse = nil
	r.down["10.0.0.2"] = false
	r.run(11 * time.Second)
	if got := strings.Join(r.said(), "\n"); !strings.Contains(got, "IPVS: ip_vs is there now") {
		t.Errorf("log: %s", got)
	}
	r.d.stop(r.now)
}

// What the kernel refuses is told once and stands in the status until it works.
func TestRefusedByKernel(t *testing.T) {
	r := newRig(t)
	r.refuse = errors.New("adding TCP 10.0.0.100:80: no such file or directory")
	r.configure(two(""))
	r.run(2 * time.Second)
	if got := strings.Count(strings.Join(r.log, "\n"), "trying again"); got != 1 {
		t.Errorf("said %d times", got)
	}
	s := r.d.view(r.now).serviceProto(0)
	if s.GetTable() != pb.TableState_TABLE_STATE_PENDING || s.GetTableError() != r.refuse.Error() {
		t.Errorf("status: %v", s)
	}
	k := ipvs.AddressKey(ipvs.TCP, at("10.0.0.100:80"))
	r.said()
	r.d.applied(ipvs.Applied{Service: k, Gen: r.d.table.entries[k].gen})
	r.expect("IPVS: TCP 10.0.0.100:80 is as wanted now")
}

// Late probes are spoken of once a minute.
func TestLateProbes(t *testing.T) {
	r := newRig(t)
	late := uint64(0)
	r.d.late.stats = func() (uint64, time.Duration) { return late, time.Second }
	for range 120 {
		r.d.sayLate(r.now)
		late++
		r.now = r.now.Add(time.Second)
	}
	if got := r.said(); len(got) != 2 || !strings.Contains(got[0], "start: 1,") || !strings.Contains(got[1], "start: 60,") {
		t.Errorf("log: %q", got)
	}
}

// A repair is counted and named; a stubborn intruder is no flood.
func TestRepaired(t *testing.T) {
	r := newRig(t)
	r.configure(two("sorry_server 10.0.0.5 80"))
	r.said()
	r.events = nil
	k := ipvs.AddressKey(ipvs.TCP, at("10.0.0.100:80"))
	r.d.repaired(ipvs.Repaired{Service: k, Times: 1})
	r.d.repaired(ipvs.Repaired{Service: k, Server: at("10.0.0.2:80"), Drift: ipvs.Changed, Fields: ipvs.FieldWeight, Times: 2})
	r.d.repaired(ipvs.Repaired{Service: k, Server: at("10.0.0.9:80"), Drift: ipvs.Intruder, Times: 3})
	r.d.repaired(ipvs.Repaired{Service: k, Server: at("10.0.0.5:80"), Times: 4})
	r.expect("IPVS: virtual server "+vs1+" was removed by somebody else, put back",
		"IPVS: service "+rs2+" of VS "+vs1+" was changed (weight) by somebody else, set again",
		"IPVS: service 10.0.0.9:80 of VS "+vs1+" was added by somebody else, removed",
		"IPVS: service [10.0.0.5]:tcp:80 of VS "+vs1+" was removed by somebody else, put back")
	for n := uint64(5); n <= 1000; n++ {
		r.d.repaired(ipvs.Repaired{Service: k, Times: n})
	}
	if n := len(r.events); n != 10+10 {
		t.Errorf("%d events of 1000 repairs", n)
	}
	if e := r.events[1].GetTableRepaired(); e.GetService() != vs1 || e.GetServer() != rs2 || e.GetDrift() != "changed (weight)" || e.GetTimes() != 2 {
		t.Errorf("event %v", e)
	}
	if n := r.d.view(r.now).serviceProto(0).GetRepairs(); n != 1000 {
		t.Errorf("%d repairs in the status", n)
	}
}

// -I leaves the table, lvs_flush_on_stop empties it, lvs_flush does at the start.
func TestStop(t *testing.T) {
	r := newRig(t)
	r.d.opt.KeepIPVS = true
	r.configure("global_defs {\nlvs_flush\n}\n" + two("omega\nquorum_down /bin/false"))
	r.operations("flush", "set TCP 10.0.0.100:80")
	r.d.stop(r.now)
	r.operations("close")
	r.has(full)

	r = newRig(t)
	r.configure("global_defs {\nlvs_flush_on_stop\n}\n" + two("omega\nquorum_down /bin/false"))
	r.operations("set TCP 10.0.0.100:80")
	r.d.stop(r.now)
	r.operations("flush", "remove TCP 10.0.0.100:80", "close")
	if len(r.scripts) != 1 || !strings.HasSuffix(r.scripts[0].Path, "false") {
		t.Errorf("omega: scripts %v", r.scripts)
	}
}

// Checkers that do not run yet are left out, whatever stands beside them.
func TestIdleCheckers(t *testing.T) {
	r := newRig(t)
	r.configure(strings.ReplaceAll(two(""), "TCP_CHECK {", "SMTP_CHECK {\n}\nDNS_CHECK {\n}\nUDP_CHECK {\n}\nPING_CHECK {\n}\nTCP_CHECK {"))
	r.down["10.0.0.2"] = true
	r.run(3 * time.Second)
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/1")
	if n := len(r.d.view(r.now).serviceProto(0).GetServers()[0].GetCheckers()); n != 1 {
		t.Errorf("%d checkers", n)
	}
}

// A real server may be the sorry server as well: with inhibit_on_failure it stays with
// weight 0, unless it is needed as sorry server.
func TestSorryAmongServers(t *testing.T) {
	r := newRig(t)
	r.configure(two("sorry_server 10.0.0.1 80\ninhibit_on_failure"))
	r.has(full)
	r.down["10.0.0.1"], r.down["10.0.0.2"] = true, true
	r.run(3 * time.Second)
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/1 10.0.0.2:80/0")
	clear(r.down)
	r.run(11 * time.Second)
	r.has(full)
}
