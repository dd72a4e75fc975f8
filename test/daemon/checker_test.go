package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

// These tests run where the kernel need not have ip_vs: servers are checked all the same.

// teller is a script that writes its words to a file.
const teller = "#!/bin/sh\necho \"$@\" >> /run/told\n"

func tellerConf(more string) string {
	return conf("notify_fifo /run/all.fifo\n  lvs_notify_fifo /run/lvs.fifo", vsConf{
		service: "  quorum 2\n  quorum_up \"/etc/keepalived/tell.sh quorum up\"\n  quorum_down \"/etc/keepalived/tell.sh quorum down\"\n" + more,
		server:  "    notify_up \"/etc/keepalived/tell.sh up\"\n    notify_down \"/etc/keepalived/tell.sh down\"",
		check:   "      retry 2\n      delay_before_retry 1",
	})
}

// startTelling starts the daemon with one server that works and one that does not.
func (r *lvsRig) startTelling(text string) {
	r.Helper()
	r.up(rs1 + ":80")
	r.opts.Files = map[string]string{"/etc/keepalived/tell.sh": teller}
	r.start(text)
	r.says("Removing service [" + rs2 + "]:tcp:80 from VS [" + vs + "]:tcp:80")
}

// toldAll waits until the scripts of the start have run.
func (r *lvsRig) toldAll() {
	r.Helper()
	r.eventually("the scripts of the start", func() bool {
		told := r.read("/run/told")
		return strings.Contains(told, "quorum up\n") && strings.Contains(told, "quorum down\n") && strings.Contains("\n"+told, "\ndown\n")
	})
}

// inOrder checks that the console has these lines in this order.
func (r *rig) inOrder(lines ...string) {
	r.Helper()
	rest := r.p.Log()
	for _, l := range lines {
		i := strings.Index(rest, ": "+l+"\n")
		if i < 0 {
			r.Errorf("%q is not on the console, or not where it should be", l)
			return
		}
		rest = rest[i+len(l):]
	}
}

// TestChecks: a life of the healthchecker: log lines, scripts, FIFO, ip_vs spoken of once,
// and the stop.
func TestChecks(t *testing.T) {
	r := newLVS(t)
	r.startTelling(tellerConf(""))
	fifo, all := r.readsFIFO("/run/lvs.fifo"), r.readsFIFO("/run/all.fifo")
	v := "VS [" + vs + "]:tcp:80"
	s1, s2 := "["+rs1+"]:tcp:80", "["+rs2+"]:tcp:80"
	r.inOrder("Initializing ipvs", "Gained quorum 2+0=2 <= 2 for "+v, "Activating healthchecker for service "+s1+" for "+v,
		"Activating healthchecker for service "+s2+" for "+v, "TCP_CHECK on service "+s2+" failed.",
		"Removing service "+s2+" from "+v, "Lost quorum 2-0=2 > 1 for "+v)
	r.says("TCP connection to " + s1 + " success.")
	r.up(rs2 + ":80")
	r.says("Gained quorum 2+0=2 <= 2 for " + v)
	r.eventually("the second Gained", func() bool { return r.said("Gained quorum") == 2 })
	r.down(rs1 + ":80")
	r.says("TCP_CHECK on service " + s1 + " failed after 2 retries.")
	want := "VS [" + vs + "]:tcp:80 UP\nRS " + s2 + " [" + vs + "]:tcp:80 DOWN\nVS [" + vs + "]:tcp:80 DOWN\nRS " + s2 + " [" + vs +
		"]:tcp:80 UP\nVS [" + vs + "]:tcp:80 UP\nRS " + s1 + " [" + vs + "]:tcp:80 DOWN\nVS [" + vs + "]:tcp:80 DOWN\n"
	for name, f := range map[string]*stream{"lvs_notify_fifo": fifo, "notify_fifo": all} {
		r.eventually(name, func() bool { return f.text() == want })
	}
	r.eventually("the scripts", func() bool {
		told := r.read("/run/told")
		return strings.Count(told, "quorum up\n") == 2 && strings.Count(told, "quorum down\n") == 2 &&
			strings.Count(told, "\nup\n")+strings.Count(told, "\ndown\n") == 3
	})
	if n := r.said("IPVS: Can't initialize ipvs"); n > 1 || n == 0 && !hasIPVS() {
		t.Errorf("that ip_vs is missing was said %d times", n)
	}
	if s := r.stop(); s != 0 {
		t.Errorf("status %d", s)
	}
	r.inOrder("Stopping", "Shutting down service "+s1+" from "+v, "Shutting down service "+s2+" from "+v)
	if !regexp.MustCompile(`: Stopped - used \(self/children\) [0-9.]+/[0-9.]+ user time`).MatchString(r.p.Log()) {
		t.Error("no line about the time used")
	}
}

func hasIPVS() bool {
	_, err := os.Stat("/proc/net/ip_vs")
	return err == nil
}

// TestChecksReload: what has not changed goes on without a word, and at its pace.
func TestChecksReload(t *testing.T) {
	r := newLVS(t)
	r.startTelling(tellerConf(""))
	r.says("TCP connection to [" + rs1 + "]:tcp:80 success.")
	r.toldAll()
	before, told := r.p.Log(), r.read("/run/told")
	r.reload("# a comment\n" + tellerConf(""))
	r.inOrder("Reinitializing ipvs", "Reload complete")
	n := r.probes(rs1 + ":80")
	r.eventually("further probes", func() bool { return r.probes(rs1+":80") >= n+3 })
	for line := range strings.Lines(strings.TrimPrefix(r.p.Log(), before)) {
		if strings.Contains(line, "]:tcp:80") {
			t.Errorf("a reload without a change: %s", line)
		}
	}
	if now := r.read("/run/told"); now != told {
		t.Errorf("scripts after a reload without a change: %s", strings.TrimPrefix(now, told))
	}
	// A removed server is told of, a new one begins as at a start.
	r.reload(strings.ReplaceAll(tellerConf(""), rs2+" 80", rs1+" 81"))
	r.says("service [" + rs2 + "]:tcp:80 no longer exist")
	r.says("Activating healthchecker for service [" + rs1 + "]:tcp:81 for VS [" + vs + "]:tcp:80")
	r.says("TCP_CHECK on service [" + rs1 + "]:tcp:81 failed after 2 retries.")
}

// TestChecksCrash: the child after a kill -9 goes on where the other one was: standings
// are known, retries apply from the first probe on, and nobody is told of what has not
// happened. What operators have set is still set.
func TestChecksCrash(t *testing.T) {
	r := newLVS(t)
	r.startTelling(tellerConf(""))
	r.says("TCP connection to [" + rs1 + "]:tcp:80 success.")
	if _, err := r.set(&pb.SetRealServerRequest{Service: vs, Server: rs2, Why: "broken", Action: &pb.SetRealServerRequest_Weight{Weight: 7}}); err != nil {
		t.Fatal(err)
	}
	pause(1200 * time.Millisecond) // past the first second: the respawn is at once
	r.toldAll()
	told := r.read("/run/told")
	r.down(rs1 + ":80")
	if err := syscall.Kill(r.pid("/run/checkers.pid"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.says("Going on with what was known of VS [" + vs + "]:tcp:80 before the restart")
	r.up(rs1 + ":80") // one probe at most was lost
	n := r.probes(rs1 + ":80")
	r.eventually("further probes", func() bool { return r.probes(rs1+":80") >= n+2 })
	if got := r.said("on service [" + rs1 + "]:tcp:80 failed"); got != 0 {
		t.Error("one lost probe threw the server out")
	}
	if now := r.read("/run/told"); now != told {
		t.Errorf("scripts: %s", strings.TrimPrefix(now, told))
	}
	s := r.services()[0].GetServers()
	if s[0].GetOverride() != nil || s[1].GetOverride().GetWhy() != "broken" || s[1].GetWeight() != 7 || s[1].GetAlive() || !s[0].GetAlive() {
		t.Errorf("status: %v", s)
	}
	r.down(rs1 + ":80")
	r.says("TCP_CHECK on service [" + rs1 + "]:tcp:80 failed after 2 retries.")
}

// TestChecksDump: the dump is that of 2.2.7, the JSON tells the same.
func TestChecksDump(t *testing.T) {
	r := newLVS(t)
	r.startTelling(tellerConf(""))
	r.p.Signal(syscall.SIGUSR1)
	const path = "/tmp/keepalived_check.data"
	r.eventually("the dump", func() bool { return r.exists(path) })
	text := r.read(path)
	for _, part := range []string{
		" ------< Virtual server >------\n VS VIP = " + vs + ", VPORT = 80\n   Address family = inet\n   connection timeout = 5.000000\n   delay_loop = 1.000000\n   lvs_sched = rr\n",
		"   quorum = 2, hysteresis = 0\n   Quorum up notify script = '/etc/keepalived/tell.sh' 'quorum' 'up', uid:gid 0:0\n",
		"   alive = 1\n   quorum_state_up = 0\n   reloaded = 0\n",
		"   ------< Real server >------\n   RIP = " + rs2 + ", RPORT = 80, WEIGHT = 1 EFF WEIGHT = 1\n",
		"   alive = 0\n   num failed checkers = 1\n   RS set = 0\n   reloaded = 0\n",
		"------< Health checkers >------\n [" + vs + "]:tcp:80 -> [" + rs1 + "]:tcp:80\n   Enabled = yes\n   Up = yes\n",
		"   Keepalive method = TCP_CHECK\n",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("not in the dump:\n%s", part)
		}
	}
	r.p.Signal(syscall.Signal(36)) // SIGRTMIN+2
	const jsonPath = "/tmp/keepalived_check.json"
	r.eventually("the JSON", func() bool { return r.exists(jsonPath) })
	var root struct {
		Services []struct {
			Name    string `json:"name"`
			Servers []struct {
				Name  string `json:"name"`
				Alive bool   `json:"alive"`
			} `json:"real_servers"`
		} `json:"virtual_servers"`
	}
	if err := json.Unmarshal([]byte(r.read(jsonPath)), &root); err != nil || len(root.Services) != 1 || len(root.Services[0].Servers) != 2 ||
		root.Services[0].Servers[1].Alive {
		t.Errorf("JSON: %v, %+v", err, root)
	}
}

// TestChecksOverrides: an operator's word takes effect at once, survives a reload, and goes
// with its server; a wrong one is answered with what there is.
func TestChecksOverrides(t *testing.T) {
	r := newLVS(t)
	r.up(rs1 + ":80")
	r.up(rs2 + ":80")
	r.start(conf("", vsConf{}))
	r.says("TCP connection to [" + rs2 + "]:tcp:80 success.")
	_, err := r.set(&pb.SetRealServerRequest{Service: vs, Server: "192.0.2.9", Action: &pb.SetRealServerRequest_Disable{Disable: &pb.Disable{}}})
	var none *adminapi.NotFoundError
	if !errors.As(err, &none) || !strings.Contains(err.Error(), rs1+":80, "+rs2+":80") {
		t.Errorf("a server that is not there: %v", err)
	}
	o, err := r.set(&pb.SetRealServerRequest{Service: "[" + vs + "]:tcp:80", Server: rs1, Action: &pb.SetRealServerRequest_Disable{Disable: &pb.Disable{}}})
	if err != nil || o.GetMode() != pb.ServerMode_SERVER_MODE_DISABLED || o.GetServer() != rs1+":80" {
		t.Fatalf("%v, %v", o, err)
	}
	server := func() *pb.RealServer { r.Helper(); return r.services(vs)[0].GetServers()[0] }
	if s := server(); s.GetPresent() || !s.GetAlive() || s.GetCheckers()[0].GetType() != "TCP_CHECK" {
		t.Errorf("disabled: %v", s)
	}
	r.reload(conf("", vsConf{service: "  quorum 1"}))
	if s := server(); s.GetPresent() || s.GetOverride() == nil {
		t.Errorf("after a reload: %v", s)
	}
	r.reload(strings.ReplaceAll(conf("", vsConf{}), rs1+" 80", rs1+" 81"))
	r.says(fmt.Sprintf("Dropping the request for service [%s]:tcp:80 of VS [%s]:tcp:80: the server is no longer configured", rs1, vs))
	r.reload(conf("", vsConf{}))
	r.eventually("the server without an override", func() bool { s := server(); return s.GetPresent() && s.GetOverride() == nil })
}
