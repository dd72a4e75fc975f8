package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"keepalived/test/netlab"
)

// What the example configurations say.
const (
	vip     = "192.0.2.100"
	gateway = "198.51.100.254"

	// Limits for advert_int 1 and a backup with priority 90: three intervals and the
	// skew of 166/256 s after a crash, the skew alone after a clean stop, and what is
	// left for the announcement and the prober's period.
	crashLimit = 3700 * time.Millisecond
	stopLimit  = 700 * time.Millisecond
	// For delay_loop 2, connect_timeout 1, retry 1, delay_before_retry 1. A page that is good
	// again counts at the look after that, as in keepalived.
	deadLimit   = 2*time.Second + 1*time.Second + 1*(1*time.Second+1*time.Second) + 200*time.Millisecond
	returnLimit = 2*2*time.Second + 1*time.Second + 200*time.Millisecond
	steady      = 3 * time.Second
)

// demo is the scene: two directors between a client and two web servers.
type demo struct {
	t           *stage
	out         io.Writer
	interrupted <-chan os.Signal
	daemon, ctl string
	front, back *netlab.LAN
	a, b        *director
	web1, web2  *web
	prober      *prober
	user        *user
	began       time.Time
	eachSecond  *time.Ticker
	results     []result
}

// result is one line of the summary; without a limit it is only shown.
type result struct {
	what        string
	took, limit time.Duration
}

// show plays the acts.
func (d *demo) show() {
	d.began, d.eachSecond = time.Now(), time.NewTicker(time.Second)
	defer d.eachSecond.Stop()
	fmt.Fprintf(d.out, "Two directors, host-a (priority 100) and host-b (priority 90), share %s; advert_int 1.\n"+
		"Behind them are two web servers, web-1 and web-2, looked at every two seconds.\n"+
		"A client probes the address every %v and asks for a page every %v. Program: %s\n\n", vip, probeEvery, askEvery, d.daemon)
	d.start(d.a)
	d.start(d.b)
	d.say("both daemons started")
	d.watch(15*time.Second, func() bool { return d.prober.last().who == d.a.name && d.both(d.began) })
	d.bothAnswer(d.began)
	d.watch(steady, nil)
	d.status()

	d.serverDies()
	d.directorCrashes()
	d.directorReturns()

	d.say("host-a's daemon is stopped in good order (SIGTERM)")
	at := time.Now()
	d.a.proc.Signal(syscall.SIGTERM)
	d.takeover("takeover after a clean stop", d.b, at, stopLimit)
	if got := d.a.proc.Wait(5 * time.Second); got != 0 {
		d.t.Fatalf("the stopped daemon ended with status %d", got)
	}
	d.watch(steady, nil)
	d.bothAnswer(at)
	d.status()
}

// serverDies ends a web server and starts it again.
func (d *demo) serverDies() {
	d.say("web-1 dies")
	at := time.Now()
	d.web1.stop()
	d.watch(deadLimit+2*time.Second, func() bool { return d.user.steadySince(at, d.web2.name, 12) })
	if !d.user.steadySince(at, d.web2.name, 12) {
		d.t.Fatalf("web-1 is dead and is still asked")
	}
	took := d.user.lastFailure(at).Sub(at)
	d.say(fmt.Sprintf("all answers come from web-2; the last request to web-1 was lost after %.2f s", took.Seconds()))
	d.results = append(d.results, result{"a dead web server is asked no more", took, deadLimit})
	d.watch(steady, nil)

	d.say("web-1 returns")
	at = time.Now()
	d.web1.start()
	d.watch(returnLimit+4*time.Second, func() bool { return !d.user.firstAnswer(at, d.web1.name).IsZero() })
	first := d.user.firstAnswer(at, d.web1.name)
	if first.IsZero() {
		d.t.Fatalf("web-1 is back and is not asked")
	}
	d.say(fmt.Sprintf("web-1 answers again, %.2f s later", first.Sub(at).Seconds()))
	d.results = append(d.results, result{"it is asked again after its return", first.Sub(at), returnLimit})
	d.watch(steady, nil)
}

func (d *demo) directorCrashes() {
	d.say("host-a loses its power: all its processes are killed, its switch ports go silent")
	at := d.powerOff(d.a)
	d.takeover("takeover after a crash", d.b, at, crashLimit)
	d.watch(5*time.Second, func() bool { return d.both(at) })
	d.bothAnswer(at)
	took := d.user.firstAnswer(at, "").Sub(at)
	d.results = append(d.results, result{"the first page after that crash", took, 0})
	d.watch(steady, nil)
}

func (d *demo) directorReturns() {
	d.say("host-a comes back")
	at := time.Now()
	d.boot(d.a)
	d.watch(8*time.Second, func() bool { return d.prober.since(at, d.a.name).at.After(at) })
	d.preempted(at)
	d.watch(steady, nil)
	d.bothAnswer(at)
}

// both tells whether both web servers have answered since then.
func (d *demo) both(since time.Time) bool {
	return !d.user.firstAnswer(since, d.web1.name).IsZero() && !d.user.firstAnswer(since, d.web2.name).IsZero()
}

func (d *demo) bothAnswer(since time.Time) {
	if !d.both(since) {
		d.t.Fatalf("%s:80 is not answered by both web servers", vip)
	}
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
			d.say(d.prober.second(now) + "; " + d.user.second())
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
				status = statusFailed
			}
		}
		fmt.Fprintf(d.out, "  %-40s %5.2f s%s\n", r.what, r.took.Seconds(), verdict)
	}
	return status
}
