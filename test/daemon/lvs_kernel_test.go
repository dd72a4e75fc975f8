package daemon

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "keepalived/proto/keepalived/v1"
)

// These tests need ip_vs: see test/uml.

func newKernelLVS(t *testing.T) *lvsRig {
	t.Helper()
	r := newLVS(t, "ipvs", "cmd:ipvsadm")
	r.up(rs1 + ":80")
	r.up(rs2 + ":80")
	return r
}

// TestKernelServers: servers are in the table from the start, leave it when they die, come
// back, and what is not ours is left alone to the end.
func TestKernelServers(t *testing.T) {
	r := newKernelLVS(t)
	foreign := "-A -u 192.0.2.77:53 -s wlc"
	r.ipvsadm("-A", "-u", "192.0.2.77:53", "-s", "wlc")
	r.start(conf("", vsConf{service: "  persistence_timeout 50", server: "    uthreshold 100\n    lthreshold 50"}))
	full := []string{foreign, vsLine(" -p 50"), rsLine(rs1, 1), rsLine(rs2, 1)}
	r.becomes(5*time.Second, full...)
	out, err := r.h.Command("ipvsadm", "-Ln", "--thresholds").CombinedOutput()
	if err != nil || strings.Count(string(out), " 100 ") != 2 || strings.Count(string(out), " 50 ") != 2 {
		t.Errorf("thresholds: %s, %v", out, err)
	}
	r.says("TCP connection to [" + rs1 + "]:tcp:80 success.")
	r.down(rs1 + ":80")
	r.becomes(6*time.Second, foreign, full[1], full[3])
	r.says("TCP_CHECK on service [" + rs1 + "]:tcp:80 failed after 1 retries.")
	r.up(rs1 + ":80")
	r.becomes(6*time.Second, full...)
	if s := r.stop(); s != 0 {
		t.Errorf("status %d", s)
	}
	r.becomes(0, foreign)
	r.says("Shutting down service [" + rs1 + "]:tcp:80 from VS [" + vs + "]:tcp:80")
}

// dialled makes connections through the virtual server; ip_vs counts them for as long as
// its entries live.
func (r *lvsRig) dialled(n int) {
	r.Helper()
	r.h.IP("addr", "add", vs+"/32", "dev", "lo")
	for range n {
		conn := r.dial()
		r.Cleanup(func() { conn.Close() })
	}
}

// TestKernelAdoption: what is in the kernel at the start is edited to what is wanted and
// never made anew: its connections and counters stay. What is too much goes.
func TestKernelAdoption(t *testing.T) {
	r := newKernelLVS(t)
	r.ipvsadm("-A", "-t", vs+":80", "-s", "wlc")
	r.ipvsadm("-a", "-t", vs+":80", "-r", rs1+":80", "-m", "-w", "7")
	r.ipvsadm("-a", "-t", vs+":80", "-r", "198.18.9.99:80", "-m", "-w", "0")
	r.dialled(3)
	r.counts(rs1, 3)
	r.start(conf("", vsConf{}))
	r.becomes(5*time.Second, vsLine(""), rsLine(rs1, 1), rsLine(rs2, 1))
	r.counts(rs1, 3) // an entry made anew would begin at 0
}

// TestKernelDrift: what others change or remove comes back within a period.
func TestKernelDrift(t *testing.T) {
	r := newKernelLVS(t)
	r.start(conf("", vsConf{}))
	full := []string{vsLine(""), rsLine(rs1, 1), rsLine(rs2, 1)}
	r.becomes(5*time.Second, full...)
	r.dialled(4)
	const period = 9 * time.Second // 5 s, and a slow machine
	r.ipvsadm("-d", "-t", vs+":80", "-r", rs1+":80")
	r.becomes(period, full...)
	r.says("IPVS: service [" + rs1 + "]:tcp:80 of VS [" + vs + "]:tcp:80 was removed by somebody else, put back")
	r.ipvsadm("-e", "-t", vs+":80", "-r", rs2+":80", "-m", "-w", "9")
	r.becomes(period, full...)
	r.says("of VS [" + vs + "]:tcp:80 was changed (weight) by somebody else, set again")
	r.counts(rs2, 2) // an entry made anew would begin at 0
	r.ipvsadm("-a", "-t", vs+":80", "-r", "198.18.9.99:80", "-m")
	r.becomes(period, full...)
	r.says("was added by somebody else, removed")
	r.ipvsadm("-E", "-t", vs+":80", "-s", "wlc")
	r.becomes(period, full...)
	r.ipvsadm("-D", "-t", vs+":80")
	r.becomes(period, full...)
	if n := r.services()[0].GetRepairs(); n < 5 {
		t.Errorf("%d repairs told of", n)
	}
}

// TestKernelDeaths: kill -9 of the child, of the parent and of both leave the table as it
// is; the next one takes it over, and finds a server that has died meanwhile.
func TestKernelDeaths(t *testing.T) {
	r := newKernelLVS(t)
	text := conf("", vsConf{check: "      retry 2\n      delay_before_retry 1"})
	r.start(text)
	full := []string{vsLine(""), rsLine(rs1, 1), rsLine(rs2, 1)}
	r.becomes(5*time.Second, full...)
	r.says("TCP connection to [" + rs2 + "]:tcp:80 success.")
	r.dialled(4)
	r.counts(rs1, 2)
	kill := func(pid int) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	kill(r.pid("/run/checkers.pid"))
	r.stays(1500 * time.Millisecond)
	r.says("Going on with what was known of VS [" + vs + "]:tcp:80 before the restart")
	r.down(rs2 + ":80")
	kill(r.pid("/run/checkers.pid"))
	r.becomes(10*time.Second, full[0], full[1])
	r.says("TCP_CHECK on service [" + rs2 + "]:tcp:80 failed after 2 retries.")
	r.up(rs2 + ":80")
	r.becomes(5*time.Second, full...)

	// The parent: the child leaves everything where it is.
	child := r.pid("/run/checkers.pid")
	kill(r.p.Pid())
	r.eventually("the end of the child", func() bool { return !alive(child) })
	r.stays(500 * time.Millisecond)
	r.says("The parent is gone: ip_vs stays as it is")
	r.start(text)
	r.says("TCP connection to [" + rs2 + "]:tcp:80 success.")
	// Both at once.
	child = r.pid("/run/checkers.pid")
	kill(r.p.Pid())
	_ = syscall.Kill(child, syscall.SIGKILL)
	r.eventually("the end of the child", func() bool { return !alive(child) })
	r.becomes(0, full...)
	r.start(text)
	r.says("TCP connection to [" + rs2 + "]:tcp:80 success.")
	r.becomes(0, full...)
	r.counts(rs1, 2) // an entry made anew would begin at 0
}

// TestKernelDrain: a drained server gets no new connection, is out when its last one has
// ended, and all of it survives a reload and the death of the child.
func TestKernelDrain(t *testing.T) {
	r := newKernelLVS(t)
	r.start(conf("", vsConf{}))
	r.becomes(5*time.Second, vsLine(""), rsLine(rs1, 1), rsLine(rs2, 1))
	r.h.IP("addr", "add", vs+"/32", "dev", "lo")
	a, b := r.dial(), r.dial() // one on each
	o, err := r.set(&pb.SetRealServerRequest{Service: vs + ":80", Server: rs1, Why: "test", Action: &pb.SetRealServerRequest_Drain{Drain: &pb.Drain{}}})
	if err != nil || o.GetMode() != pb.ServerMode_SERVER_MODE_DRAINING || o.GetServer() != rs1+":80" || o.GetServiceName() != "["+vs+"]:tcp:80" {
		t.Fatalf("%v, %v", o, err)
	}
	drained := []string{vsLine(""), rsLine(rs1, 0), rsLine(rs2, 1)}
	r.becomes(time.Second, drained...)
	r.stays(2500 * time.Millisecond) // a connection is there
	if err := syscall.Kill(r.pid("/run/checkers.pid"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.says("Going on with what was known of VS")
	r.stays(time.Second)
	r.reload(conf("", vsConf{service: "  quorum 1"}))
	r.stays(time.Second)
	if c := r.services()[0].GetServers()[0]; c.GetOverride().GetWhy() != "test" || c.GetActiveConnections() != 1 {
		t.Errorf("status: %v", c)
	}
	a.Close() // the server closes too: ip_vs remembers them for two minutes, and they are over
	b.Close()
	r.becomes(8*time.Second, drained[0], drained[2])
	r.says("drained: the last connection has ended")
	if o := r.services()[0].GetServers()[0].GetOverride(); o.GetMode() != pb.ServerMode_SERVER_MODE_DISABLED {
		t.Errorf("after the drain: %v", o)
	}
	if _, err := r.set(&pb.SetRealServerRequest{Service: vs, Server: rs1, Action: &pb.SetRealServerRequest_Enable{Enable: &pb.Enable{}}}); err != nil {
		t.Fatal(err)
	}
	r.becomes(time.Second, drained[0], rsLine(rs1, 1), drained[2])
	// The time limit of a drain.
	c := r.dial()
	d := r.dial()
	defer c.Close()
	defer d.Close()
	if _, err := r.set(&pb.SetRealServerRequest{Service: vs, Server: rs1, Action: &pb.SetRealServerRequest_Drain{Drain: &pb.Drain{Timeout: durationpb.New(1500 * time.Millisecond)}}}); err != nil {
		t.Fatal(err)
	}
	r.becomes(time.Second, drained...)
	r.becomes(4*time.Second, drained[0], drained[2])
	r.says("drained: the time is over")
}

// TestKernelGlobals: lvs_flush, lvs_timeouts, lvs_flush_on_stop, -I, a group and a mark.
func TestKernelGlobals(t *testing.T) {
	r := newKernelLVS(t)
	r.ipvsadm("-A", "-u", "192.0.2.77:53", "-s", "wlc")
	group := block("virtual_server_group G1 {\n  198.18.9.210-212 80\n  fwmark 9\n}\n" +
		vsConf{head: "group G1"}.String() + vsConf{head: "fwmark 7", service: "  persistence_timeout 60\n  persistence_granularity 255.255.255.0"}.String())
	r.start(conf("lvs_flush\n  lvs_timeouts tcp 1234 udp 55", group), "-I")
	var want []string
	for _, s := range []string{"-t 198.18.9.210:80", "-t 198.18.9.211:80", "-t 198.18.9.212:80", "-f 9"} {
		want = append(want, "-A "+s+" -s rr", "-a "+s+" -r "+rs1+":80 -m -w 1", "-a "+s+" -r "+rs2+":80 -m -w 1")
	}
	want = append(want, "-A -f 7 -s rr -p 60 -M 255.255.255.0", "-a -f 7 -r "+rs1+":80 -m -w 1", "-a -f 7 -r "+rs2+":80 -m -w 1")
	r.becomes(5*time.Second, want...)
	out, err := r.h.Command("ipvsadm", "-L", "--timeout").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1234") || !strings.Contains(string(out), " 55") {
		t.Errorf("timeouts: %s, %v", out, err)
	}
	if s := r.stop(); s != 0 {
		t.Errorf("status %d", s)
	}
	r.becomes(0, want...) // -I
	r.start(conf("lvs_flush_on_stop", vsConf{}))
	r.becomes(5*time.Second, append(want, vsLine(""), rsLine(rs1, 1), rsLine(rs2, 1))...)
	if s := r.stop(); s != 0 {
		t.Errorf("status %d", s)
	}
	r.becomes(0)
}
