// Command demo shows a balanced service and the failover of its directors: a client, two
// director hosts with our daemon and the example configuration, and two web servers behind
// them, all network namespaces of one kernel. A web server dies and returns, a director
// crashes, returns and is stopped; each is measured by the client, which ends the program
// with 1 when a limit is missed.
//
// Where this machine's kernel has no ip_vs the whole of it runs in User-Mode Linux (see
// test/uml). With -keepalived /usr/sbin/keepalived it shows the same with the original.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"keepalived/test/netlab"
	"keepalived/test/uml"
)

const (
	statusFailed      = 1
	statusInterrupted = 130
)

func main() {
	daemon := flag.String("keepalived", "bin/keepalived", "the daemon to show")
	ctl := flag.String("keepalivedctl", "", "keepalivedctl (default: beside the daemon, if there)")
	examples := flag.String("examples", "deploy/examples", "directory of loadbalancer-a.conf and loadbalancer-b.conf")
	flag.Parse()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	if netlab.Kernel() != "uml" && !uml.Has("ip_vs") {
		os.Exit(elsewhere(interrupted, *daemon, *ctl, *examples))
	}
	os.Exit(run(interrupted, *daemon, *ctl, *examples))
}

// elsewhere runs this program in User-Mode Linux. An interruption ends that kernel, and
// with it everything that was made in it.
func elsewhere(interrupted <-chan os.Signal, daemon, ctl, examples string) int {
	if _, err := os.Stat(daemon); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v (make build first)\n", err)
		return statusFailed
	}
	if why := uml.Missing(); why != "" {
		fmt.Fprintf(os.Stderr, "demo: this kernel has no ip_vs, or we are not root, and there is no User-Mode Linux to run in: %s\n", why)
		return statusFailed
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return statusFailed
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-interrupted:
			cancel()
		case <-ctx.Done():
		}
	}()
	fmt.Println("This kernel has no ip_vs: the demo runs in User-Mode Linux.")
	args := []string{"-keepalived", daemon, "-examples", examples}
	if ctl != "" {
		args = append(args, "-keepalivedctl", ctl)
	}
	status, err := uml.Run(ctx, uml.Job{Path: self, Args: args, Output: os.Stdout})
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "\ndemo: interrupted")
		return statusInterrupted
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		return statusFailed
	}
	return status
}

// run shows everything and cleans up, whatever happens.
func run(interrupted <-chan os.Signal, daemon, ctl, examples string) (status int) {
	t := &stage{out: os.Stdout}
	defer t.cleanUp()
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			fmt.Fprintln(os.Stderr, "demo:", string(r))
			status = statusFailed
		case interruption:
			fmt.Fprintln(os.Stderr, "\ndemo: interrupted")
			status = statusInterrupted
		default:
			panic(r)
		}
	}()
	if os.Geteuid() != 0 {
		t.Fatal("this needs root, for network namespaces")
	}
	d := newDemo(t, interrupted, daemon, ctl, examples)
	d.show()
	return d.summary()
}

// director is a host with the daemon and its configuration.
type director struct {
	name, config string
	host         *netlab.Host
	proc         *netlab.Proc
	mac          string
}

func newDemo(t *stage, interrupted <-chan os.Signal, daemon, ctl, examples string) *demo {
	daemon, err := filepath.Abs(daemon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(daemon); err != nil {
		t.Fatalf("%v (make build first)", err)
	}
	if ctl == "" {
		if beside := filepath.Join(filepath.Dir(daemon), "keepalivedctl"); exists(beside) {
			ctl = beside
		}
	}
	d := &demo{t: t, out: t.out, interrupted: interrupted, daemon: daemon, ctl: ctl}
	lab := netlab.New(t)
	d.front, d.back = lab.LAN("front"), lab.LAN("back")
	d.a = d.director(lab, examples, "host-a", "loadbalancer-a.conf", 1)
	d.b = d.director(lab, examples, "host-b", "loadbalancer-b.conf", 2)
	d.web1 = newWeb(t, lab, d.back, "web-1", "198.51.100.11")
	d.web2 = newWeb(t, lab, d.back, "web-2", "198.51.100.12")
	client := lab.Host("client")
	lab.Attach(d.front, client, "eth0", "192.0.2.10/24")
	d.prober = newProber(t, client, vip, map[string]string{d.a.mac: d.a.name, d.b.mac: d.b.name})
	d.user = newUser(t, client, vip+":80")
	return d
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func (d *demo) director(lab *netlab.Lab, examples, name, file string, n int) *director {
	text, err := os.ReadFile(filepath.Join(examples, file))
	if err != nil {
		d.t.Fatal(err)
	}
	x := &director{name: name, config: string(text), host: lab.Host(name)}
	lab.Attach(d.front, x.host, "eth0", fmt.Sprintf("192.0.2.%d/24", n))
	lab.Attach(d.back, x.host, "eth1", fmt.Sprintf("198.51.100.%d/24", n))
	x.host.Do(func() { x.host.Sysctl("net/ipv4/ip_forward", "1") })
	x.mac = x.host.MAC("eth0")
	return x
}

func (d *demo) start(x *director) {
	keep := []string{}
	if d.ctl != "" {
		keep = append(keep, d.ctl)
	}
	x.proc = x.host.Start(netlab.ProcOpts{Config: x.config, Keep: keep, Env: []string{"TMPDIR=/tmp"}}, d.daemon, "-n", "-l", "-D")
}

// boot is what a host does that returns: it has no addresses but its own.
func (d *demo) boot(x *director) {
	for dev, addr := range map[string]string{"eth0": vip, "eth1": gateway} {
		if x.host.HasAddr(addr) {
			x.host.IP("addr", "del", addr+"/24", "dev", dev)
		}
	}
	d.front.Rejoin(x.host, "eth0")
	d.back.Rejoin(x.host, "eth1")
	d.start(x)
}

// power cuts a director off: no packet of it passes, and its processes are gone.
func (d *demo) powerOff(x *director) (at time.Time) {
	at = time.Now()
	d.front.Isolate(x.host, "eth0")
	d.back.Isolate(x.host, "eth1")
	x.proc.Crash()
	return at
}
