// Command demo shows a failover: a client and two director hosts as network
// namespaces, our daemon on both directors with the example configuration, a
// crash, a return and a clean stop, each measured by a prober in the client's
// namespace. It ends with 1 when a takeover misses its limit.
//
// With -keepalived /usr/sbin/keepalived it shows the same with the original.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"keepalived/test/netlab"
)

const (
	vip = "192.0.2.100"
	// Limits for advert_int 1 and a backup with priority 90: three intervals and the
	// skew of 166/256 s after a crash, the skew alone after a clean stop, and what is
	// left for the announcement and the prober's period.
	crashLimit = 3700 * time.Millisecond
	stopLimit  = 700 * time.Millisecond
	steady     = 3 * time.Second
)

func main() {
	daemon := flag.String("keepalived", "bin/keepalived", "the daemon to show")
	ctl := flag.String("keepalivedctl", "", "keepalivedctl (default: beside the daemon, if there)")
	examples := flag.String("examples", "deploy/examples", "directory of keepalived-a.conf and keepalived-b.conf")
	flag.Parse()
	os.Exit(run(*daemon, *ctl, *examples))
}

// run shows everything and cleans up, whatever happens.
func run(daemon, ctl, examples string) (status int) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	t := &stage{out: os.Stdout}
	defer t.cleanUp()
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			fmt.Fprintln(os.Stderr, "demo:", string(r))
			status = 1
		case interruption:
			fmt.Fprintln(os.Stderr, "\ndemo: interrupted")
			status = 130
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

// demo is the scene: two directors and a client on one LAN.
type demo struct {
	t           *stage
	out         io.Writer
	interrupted <-chan os.Signal
	daemon, ctl string
	lan         *netlab.LAN
	a, b        *director
	prober      *prober
	began       time.Time
	eachSecond  *time.Ticker
	results     []result
}

// director is a host with the daemon and its configuration.
type director struct {
	name, config string
	host         *netlab.Host
	proc         *netlab.Proc
	mac          string
}

// result is one line of the summary; without a limit it is only shown.
type result struct {
	what        string
	took, limit time.Duration
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
	d.lan = lab.LAN("lan")
	d.a = d.director(lab, examples, "host-a", "keepalived-a.conf", "192.0.2.1/24")
	d.b = d.director(lab, examples, "host-b", "keepalived-b.conf", "192.0.2.2/24")
	client := lab.Host("client")
	lab.Attach(d.lan, client, "eth0", "192.0.2.10/24")
	d.prober = newProber(t, client, vip, map[string]string{d.a.mac: d.a.name, d.b.mac: d.b.name})
	return d
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func (d *demo) director(lab *netlab.Lab, examples, name, file, addr string) *director {
	text, err := os.ReadFile(filepath.Join(examples, file))
	if err != nil {
		d.t.Fatal(err)
	}
	x := &director{name: name, config: string(text), host: lab.Host(name)}
	lab.Attach(d.lan, x.host, "eth0", addr)
	x.mac = x.host.MAC("eth0")
	return x
}

func (d *demo) start(x *director) {
	keep := []string{}
	if d.ctl != "" {
		keep = append(keep, d.ctl)
	}
	x.proc = x.host.Start(netlab.ProcOpts{Config: x.config, Keep: keep}, d.daemon, "-n", "-l", "-D")
}

// show plays the four acts.
func (d *demo) show() {
	d.began, d.eachSecond = time.Now(), time.NewTicker(time.Second)
	defer d.eachSecond.Stop()
	fmt.Fprintf(d.out, "Two directors, host-a (priority 100) and host-b (priority 90), share %s; advert_int 1.\n"+
		"A client on the same LAN probes the address every %v. Program: %s\n\n", vip, probeEvery, d.daemon)
	d.start(d.a)
	d.start(d.b)
	d.say("both daemons started")
	d.watch(8*time.Second, func() bool { return d.prober.last().who == d.a.name })
	d.watch(steady, nil)
	d.status()

	d.say("host-a loses its power: all its processes are killed, its switch port goes silent")
	at := time.Now()
	d.lan.Isolate(d.a.host, "eth0")
	d.a.proc.Crash()
	d.takeover("takeover after a crash", d.b, at, crashLimit)
	d.watch(steady, nil)

	d.say("host-a comes back")
	if d.a.host.HasAddr(vip) { // a host that boots has no addresses but its own
		d.a.host.IP("addr", "del", vip+"/24", "dev", "eth0")
	}
	d.lan.Rejoin(d.a.host, "eth0")
	at = time.Now()
	d.start(d.a)
	d.watch(8*time.Second, func() bool { return d.prober.since(at, d.a.name).at.After(at) })
	d.preempted(at)
	d.watch(steady, nil)

	d.say("host-a's daemon is stopped in good order (SIGTERM)")
	at = time.Now()
	d.a.proc.Signal(syscall.SIGTERM)
	d.takeover("takeover after a clean stop", d.b, at, stopLimit)
	if got := d.a.proc.Wait(5 * time.Second); got != 0 {
		d.t.Fatalf("the stopped daemon ended with status %d", got)
	}
	d.watch(steady, nil)
	d.status()
}

// takeover waits until the director answers and notes how long that took.
func (d *demo) takeover(what string, to *director, since time.Time, limit time.Duration) {
	d.watch(limit+4*time.Second, func() bool { return d.prober.since(since, to.name).at.After(since) })
	first := d.prober.since(since, to.name)
	if first.at.IsZero() {
		d.t.Fatalf("%s: %s never answered", what, to.name)
	}
	took := first.at.Sub(since)
	d.say(fmt.Sprintf("%s answers, %.2f s later", to.name, took.Seconds()))
	d.results = append(d.results, result{what, took, limit})
}

// preempted notes when the returned host took its address back and the longest
// time without an answer.
func (d *demo) preempted(since time.Time) {
	first := d.prober.since(since, d.a.name)
	if first.at.IsZero() {
		d.t.Fatalf("host-a did not take its address back")
	}
	took := first.at.Sub(since)
	d.say(fmt.Sprintf("host-a, of higher priority, preempts %.2f s after its start", took.Seconds()))
	d.results = append(d.results, result{"preemption, after the start of host-a", took, 0},
		result{"longest silence while it preempted", d.prober.silence(since, first.at.Add(100*time.Millisecond)), 0})
}

// watch prints who answers, once a second, until done or for the time given.
func (d *demo) watch(atMost time.Duration, done func() bool) {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	end := time.After(atMost)
	for {
		select {
		case <-d.interrupted:
			panic(interruption{})
		case <-end:
			return
		case now := <-d.eachSecond.C:
			d.say(d.prober.second(now))
		case <-poll.C:
			if done != nil && done() {
				return
			}
		}
	}
}

func (d *demo) say(text string) {
	fmt.Fprintf(d.out, "%6.2f s  %s\n", time.Since(d.began).Seconds(), text)
}

// status prints what keepalivedctl says on both directors.
func (d *demo) status() {
	if d.ctl == "" {
		return
	}
	for _, x := range []*director{d.a, d.b} {
		fmt.Fprintf(d.out, "\n%s# keepalivedctl status\n", x.name)
		if !x.proc.Running() {
			fmt.Fprintln(d.out, "(the daemon is stopped)")
			continue
		}
		cmd := x.host.Command("nsenter", "-m", "-t", strconv.Itoa(x.proc.Pid()), d.ctl, "status")
		out, err := cmd.CombinedOutput()
		fmt.Fprintln(d.out, strings.TrimSpace(string(out)))
		if err != nil && cmd.ProcessState == nil {
			d.t.Fatalf("keepalivedctl status on %s: %v", x.name, err)
		}
	}
	fmt.Fprintln(d.out)
}

// summary prints the measured times and returns the exit status.
func (d *demo) summary() (status int) {
	fmt.Fprintln(d.out, "\nSummary, measured by the client:")
	for _, r := range d.results {
		verdict := ""
		if r.limit != 0 {
			verdict = fmt.Sprintf("  limit %.2f s  ok", r.limit.Seconds())
			if r.took > r.limit {
				verdict = fmt.Sprintf("  limit %.2f s  MISSED", r.limit.Seconds())
				status = 1
			}
		}
		fmt.Fprintf(d.out, "  %-40s %5.2f s%s\n", r.what, r.took.Seconds(), verdict)
	}
	return status
}
