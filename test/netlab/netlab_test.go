package netlab_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

func TestLab(t *testing.T) {
	netlab.Need(t, "netns")
	l := netlab.New(t)
	lan := l.LAN("one")
	a, b := l.Host("a"), l.Host("b")
	l.Attach(lan, a, "eth0", "192.0.2.1/24", "2001:db8::1/64")
	l.Attach(lan, b, "eth0", "192.0.2.2/24", "2001:db8::2/64")

	t.Run("hosts reach each other at once", func(t *testing.T) {
		for _, addr := range []string{"192.0.2.2", "2001:db8::2"} {
			reach(t, a, b, addr)
		}
	})
	t.Run("a capture has the frames with kernel time stamps", func(t *testing.T) {
		c := lan.Capture()
		defer c.Stop()
		before := time.Now()
		a.IP("neigh", "flush", "dev", "eth0")
		reach(t, a, b, "192.0.2.2")
		netlab.Eventually(t, 2*time.Second, "an ARP request", func() bool { return len(c.ARPs()) > 0 })
		arp := c.ARPs()[0]
		if arp.Op != 1 || arp.SPA.String() != "192.0.2.1" || arp.TPA.String() != "192.0.2.2" || arp.SHA != a.MAC("eth0") {
			t.Errorf("got %+v", arp)
		}
		if arp.At.Before(before) || arp.At.After(time.Now()) {
			t.Errorf("time stamp %v is not between %v and now", arp.At, before)
		}
	})
	t.Run("Isolate is silent, Cut takes the carrier", func(t *testing.T) {
		lan.Isolate(b, "eth0")
		if !strings.Contains(b.IP("link", "show", "eth0"), "LOWER_UP") {
			t.Error("Isolate took the carrier away")
		}
		lan.Rejoin(b, "eth0")
		reach(t, a, b, "192.0.2.2")
		lan.Cut(b, "eth0")
		netlab.Eventually(t, time.Second, "no carrier", func() bool {
			return !strings.Contains(b.IP("link", "show", "eth0"), "LOWER_UP")
		})
		lan.Mend(b, "eth0")
	})
}

// reach sends a datagram from a to an address of b and waits for it.
func reach(t *testing.T, a, b *netlab.Host, addr string) {
	t.Helper()
	var srv, cli net.PacketConn
	var err error
	b.Do(func() { srv, err = net.ListenPacket("udp", net.JoinHostPort(addr, "0")) })
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	a.Do(func() { cli, err = net.ListenPacket("udp", ":0") })
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	if _, err := cli.WriteTo([]byte("x"), srv.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	_ = srv.SetReadDeadline(time.Now().Add(3 * time.Second))
	if _, _, err := srv.ReadFrom(make([]byte, 8)); err != nil {
		t.Fatalf("%s: %v", addr, err)
	}
}

func TestStart(t *testing.T) {
	netlab.Need(t, "netns", "cmd:sh")
	l := netlab.New(t)
	h := l.Host("a")
	kept := t.TempDir() + "/kept"
	if err := os.WriteFile(kept, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := net.ListenPacket("unixgram", t.TempDir()+"/log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := h.Start(netlab.ProcOpts{
		Config: "the config\n", Env: []string{"GREETING=hello"}, Keep: []string{kept},
		Files:  map[string]string{"/tmp/script": "#!/bin/sh\necho from the script\n"},
		Syslog: log.LocalAddr().String(),
	}, "sh", "-c", `echo $GREETING; cat /etc/keepalived/keepalived.conf `+kept+`; /tmp/script; ls /run; ls /dev; readlink /proc/self/ns/net
sleep 100 & sleep 100 & echo ready >/run/ready; wait`)
	netlab.Eventually(t, 5*time.Second, "the ready file", func() bool {
		_, err := os.Stat(p.Path("/run/ready"))
		return err == nil
	})
	for _, want := range []string{"hello\n", "the config\n", "kept", "from the script\n", "log\n", "null\n"} {
		if !strings.Contains(p.Log(), want) {
			t.Errorf("console lacks %q:\n%s", want, p.Log())
		}
	}
	if self, _ := os.Readlink("/proc/self/ns/net"); strings.Contains(p.Log(), self) {
		t.Error("runs in our own network namespace")
	}
	if _, err := os.Stat("/run/ready"); err == nil {
		t.Error("/run is not private")
	}
	kids := p.Children()
	if len(kids) != 2 {
		t.Fatalf("children %v, want two", kids)
	}
	p.Crash()
	if got := p.Wait(time.Second); got != 128+int(syscall.SIGKILL) {
		t.Errorf("exit %d after a crash", got)
	}
	for _, pid := range kids {
		netlab.Eventually(t, time.Second, fmt.Sprintf("the end of %d", pid), func() bool {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(b), ") Z ")
		})
	}
	if got := h.Start(netlab.ProcOpts{}, "sh", "-c", "exit 5").Wait(5 * time.Second); got != 5 {
		t.Errorf("exit %d, want 5", got)
	}
}

// TestNothingStays runs a lab that ends with a daemon that forked away, and looks
// for what it left.
func TestNothingStays(t *testing.T) {
	netlab.Need(t, "netns", "cmd:setsid")
	var ns string
	var pid string
	t.Run("lab", func(t *testing.T) {
		l := netlab.New(t)
		h := l.Host("a")
		ns = h.NS
		p := h.Start(netlab.ProcOpts{}, "sh", "-c", "setsid sleep 300 & echo $! >/tmp/pid; exec sleep 300")
		netlab.Eventually(t, 5*time.Second, "the daemon", func() bool {
			b, _ := os.ReadFile(p.Path("/tmp/pid"))
			pid = strings.TrimSpace(string(b))
			return pid != ""
		})
		p.Signal(syscall.SIGKILL)
		p.Wait(time.Second)
	})
	if _, err := os.Stat("/run/netns/" + ns); err == nil {
		t.Errorf("the namespace %s is still there", ns)
	}
	netlab.Eventually(t, time.Second, "the end of the daemon", func() bool {
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(b), ") Z ")
	})
}

// TestSweep makes what a killed run would leave and starts a fresh process that
// makes a lab.
func TestSweep(t *testing.T) {
	netlab.Need(t, "netns")
	if os.Getenv("NETLAB_TEST_SWEEP") != "" {
		netlab.New(t)
		return
	}
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	gone := fmt.Sprintf("ka-%d-1-left", dead.Process.Pid)
	mine := fmt.Sprintf("ka-%d-999-mine", os.Getpid())
	for _, ns := range []string{gone, mine} {
		if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		defer func() { _ = exec.Command("ip", "netns", "del", ns).Run() }()
	}
	orphan := exec.Command("ip", "netns", "exec", gone, "sleep", "300")
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- orphan.Wait() }()
	defer orphan.Process.Kill()
	netlab.Eventually(t, 5*time.Second, "the orphan inside", func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", orphan.Process.Pid))
		return string(b) == "sleep\n"
	})
	again := exec.Command("/proc/self/exe", "-test.run", "^TestSweep$")
	again.Env = append(os.Environ(), "NETLAB_TEST_SWEEP=1", netlab.EnvCount+"=")
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat("/run/netns/" + gone); err == nil {
		t.Error("the dead run's namespace is still there")
	}
	if _, err := os.Stat("/run/netns/" + mine); err != nil {
		t.Error("a living run's namespace was removed")
	}
	select {
	case <-ended:
	case <-time.After(2 * time.Second):
		t.Error("the dead run's process still runs")
	}
}

// TestRealPair is the proof of the harness: two real keepalived, one crash.
func TestRealPair(t *testing.T) {
	netlab.Need(t, "netns", "keepalived")
	l := netlab.New(t)
	lan := l.LAN("one")
	c := lan.Capture()
	procs := map[string]*netlab.Proc{}
	hosts := map[string]*netlab.Host{}
	for i, prio := range []int{150, 100} {
		h := l.Host(fmt.Sprintf("h%d", i))
		l.Attach(lan, h, "eth0", fmt.Sprintf("192.0.2.%d/24", i+1))
		conf := fmt.Sprintf("vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n priority %d\n advert_int 0.1\n version 3\n"+
			" virtual_ipaddress {\n  192.0.2.100/24\n }\n}\n", prio)
		procs[h.Name] = h.Start(netlab.ProcOpts{Config: conf}, netlab.RealKeepalived, "-n", "-l", "-D")
		hosts[h.Name] = h
	}
	if exe := procs["h0"].Executable(); exe != netlab.RealKeepalived {
		t.Errorf("runs %s", exe)
	}
	netlab.Eventually(t, 10*time.Second, "the address on h0", func() bool { return hosts["h0"].HasAddr("192.0.2.100") })
	netlab.Eventually(t, 3*time.Second, "five good adverts", func() bool {
		var good int
		for _, a := range c.Adverts() {
			if a.Version == 3 && a.VRID == 51 && a.Interval == 100*time.Millisecond && a.TTL == 255 && a.Addrs[0].String() == "192.0.2.100" {
				good++
			}
		}
		return good >= 5
	})
	procs["h0"].Crash()
	netlab.Eventually(t, 5*time.Second, "the address on h1", func() bool { return hosts["h1"].HasAddr("192.0.2.100") })
	netlab.Eventually(t, 3*time.Second, "the new master's gratuitous ARP", func() bool {
		for _, a := range c.ARPs() {
			if a.Gratuitous() && a.SHA == hosts["h1"].MAC("eth0") {
				return true
			}
		}
		return false
	})
	c.Stop()
	if c.Lost() != 0 {
		t.Errorf("%d frames lost", c.Lost())
	}
}
