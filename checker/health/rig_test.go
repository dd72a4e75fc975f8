package health

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keepalived/core/clock"
)

const sec = time.Second

func at(d time.Duration) clock.Instant { return clock.Instant(d) }

// rig is a Director in a world where probes take no time and a server is good as long
// as its key is in down.
type rig struct {
	t    *testing.T
	d    *Director
	now  clock.Instant
	out  Actions
	down map[string]bool   // server key
	exit map[string]int32  // exit status of its scripts
	took time.Duration     // a probe
	log  []string          // in 2.2.7's words
	fifo []string          // RS and VS lines
	mail []string          // subjects' ends and bodies
	recs map[string]Record // by service, server and check
	ran  map[string][]clock.Instant
}

func newRig(t *testing.T, o Options) *rig {
	return &rig{t: t, d: New(o), down: map[string]bool{}, exit: map[string]int32{}, recs: map[string]Record{}, ran: map[string][]clock.Instant{}}
}

func (r *rig) configure(c ...ServiceConfig) {
	r.d.Configure(r.now, c, &r.out)
	r.flush()
}

// run lets time pass.
func (r *rig) run(d time.Duration) {
	end := r.now.Add(d)
	for r.d.Next() <= end {
		r.now = max(r.now, r.d.Next())
		p, ok := r.d.Due(r.now)
		if !ok {
			r.t.Fatal("Next is due, Due has nothing")
		}
		r.ran[p.Server.Name] = append(r.ran[p.Server.Name], r.now)
		res := Result{OK: !r.down[p.Server.Key], Started: r.now, Cause: CauseRefused}
		if p.Check.Kind == Misc {
			res.Code = r.exit[p.Server.Key]
			res.Cause = CauseExit
			res.OK = res.Code == 0 || res.Code > 1 && p.Check.Dynamic
			res.HasWeight, res.Weight = res.Code > 1, res.Code-2
		}
		if res.OK {
			res.Cause = CauseNone
		}
		if !r.d.Result(r.now.Add(r.took), p.Ticket, res, &r.out) {
			r.t.Fatal("a result was refused")
		}
		r.flush()
	}
	r.now = end
}

// flush carries the actions out: they are written down.
func (r *rig) flush() {
	for i := range r.out.Len() {
		a := r.out.At(i)
		switch a.Kind {
		case ActSay:
			r.log = append(r.log, render(a))
		case ActNotify:
			word := map[bool]string{true: "UP", false: "DOWN"}[a.Up]
			if a.Server != nil {
				r.fifo = append(r.fifo, "RS "+a.Server.Name+" "+a.Service.Name+" "+word)
			} else {
				r.fifo = append(r.fifo, "VS "+a.Service.Name+" "+word)
			}
		case ActMail:
			word := map[bool]string{true: "UP", false: "DOWN"}[a.Up]
			if a.Server != nil {
				r.mail = append(r.mail, a.Server.Name+" "+word)
			} else {
				r.mail = append(r.mail, a.Service.Name+" "+word+" "+fmt.Sprint(a.Msg == MsgStartUp || a.Msg == MsgStartDown))
			}
		case ActRecord:
			k := a.Record
			r.recs[fmt.Sprint(k.Service, "|", k.Server, "|", k.Check)] = k
		}
	}
	r.out.Reset()
}

// wanted is the table of ip_vs for a service: server and weight.
func (r *rig) wanted(key string) string {
	s := r.d.Service(key)
	var out []string
	for _, w := range s.State.AppendWanted(s.Config, nil) {
		name := "sorry"
		if w.Server >= 0 {
			name = s.Config.Servers[w.Server].Key
		}
		out = append(out, fmt.Sprintf("%s=%d", name, w.Weight))
	}
	return strings.Join(out, " ")
}

// said takes the log since the last time.
func (r *rig) said() []string { l := r.log; r.log = nil; return l }

// about takes the lines of one service.
func (r *rig) about(name string) []string {
	var mine, rest []string
	for _, l := range r.log {
		if strings.HasSuffix(l, name) {
			mine = append(mine, l)
		} else {
			rest = append(rest, l)
		}
	}
	r.log = rest
	return mine
}

func (r *rig) expect(what string, got, want []string) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Errorf("%s:\n want %s\n got  %s", what, strings.Join(want, "\n      "), strings.Join(got, "\n      "))
	}
}

// render writes a message as 2.2.7 does.
func render(a *Action) string {
	vs, rs, sorry := a.Service.Name, "", a.Service.Sorry.Name
	if a.Server != nil {
		rs = a.Server.Name
	}
	retries := ""
	if a.Retries > 0 {
		retries = fmt.Sprintf(" after %d retries", a.Retries)
	}
	low, high := int64(a.Quorum)-int64(a.Hysteresis), int64(a.Quorum)+int64(a.Hysteresis)
	switch a.Msg {
	case MsgActivating:
		return "Activating healthchecker for service " + rs + " for VS " + vs
	case MsgDeactivating:
		return "Deactivating healthchecker for service " + rs + " for VS " + vs
	case MsgSuspending:
		return "Suspending healthchecker for service " + rs + " for VS " + vs
	case MsgCause:
		return fmt.Sprintf("cause %d %s", a.Cause, rs)
	case MsgScriptRetry:
		return fmt.Sprintf("Misc check for [%s VS %s] failed, will do %d retry (exited with status %d).", rs, vs, a.Retries, a.Code)
	case MsgStep:
		return fmt.Sprintf("HTTP status code success to %s url(%d)", rs, a.Step)
	case MsgGood:
		return map[Kind]string{
			TCP: "TCP connection to " + rs + " success.", HTTP: "Remote Web server " + rs + " succeed on service.",
			Misc: "Misc check for [" + rs + " VS " + vs + "] succeeded.",
		}[a.Check.Kind]
	case MsgBad:
		switch {
		case a.Check.Kind == Misc && retries == "":
			return fmt.Sprintf("Misc check for [%s VS %s] failed with retry disabled (exited with status %d).", rs, vs, a.Code)
		case a.Check.Kind == Misc:
			return fmt.Sprintf("Misc check for [%s VS %s] failed%s (exited with status %d).", rs, vs, retries, a.Code)
		case a.Check.Kind == HTTP:
			return "HTTP_CHECK on service " + rs + " failed" + retries + "."
		}
		return "TCP_CHECK on service " + rs + " failed" + retries + "."
	case MsgAdding:
		return "Adding service " + rs + " to VS " + vs
	case MsgRemoving:
		return "Removing service " + rs + " from VS " + vs
	case MsgEnabling:
		return "Enabling service " + rs + " of VS " + vs
	case MsgDisabling:
		return "Disabling service " + rs + " of VS " + vs
	case MsgWeight:
		return fmt.Sprintf("Changing weight from %d to %d for %s service %s of VS %s", a.From, a.To, map[bool]string{true: "active", false: "inactive"}[a.Up], rs, vs)
	case MsgGone:
		return "service " + rs + " no longer exist"
	case MsgRemovingInhibited:
		return "Removing (inhibited) service " + rs + " from VS " + vs
	case MsgShutdown:
		return "Shutting down service " + rs + " from VS " + vs
	case MsgShutdownInhibited:
		return "Shutting down (inhibited) service " + rs + " from VS " + vs
	case MsgGained:
		return fmt.Sprintf("Gained quorum %d+%d=%d <= %d for VS %s", a.Quorum, a.Hysteresis, high, a.Total, vs)
	case MsgLost:
		return fmt.Sprintf("Lost quorum %d-%d=%d > %d for VS %s", a.Quorum, a.Hysteresis, low, a.Total, vs)
	case MsgStartDown:
		return fmt.Sprintf("Starting with quorum down %d-%d=%d > %d for VS %s", a.Quorum, a.Hysteresis, low, a.Total, vs)
	case MsgServiceGone:
		return "Removing Virtual Server " + vs
	case MsgSorryIn:
		return "Adding sorry server " + sorry + " to VS " + vs
	case MsgSorryOut:
		return "Removing sorry server " + sorry + " from VS " + vs
	case MsgSorryEnabled:
		return "Enabling sorry server " + sorry + " to VS " + vs
	case MsgSorryDisabled:
		return "Disabling sorry server " + sorry + " from VS " + vs
	case MsgAliveRemoved:
		return "Removing alive servers from the pool for VS " + vs
	case MsgAliveAdded:
		return "Adding alive servers to the pool for VS " + vs
	}
	return fmt.Sprintf("own %d %s %s", a.Msg, rs, vs)
}

// Builders of configurations.

func vs(key string, quorum uint32, servers ...ServerConfig) ServiceConfig {
	return ServiceConfig{Key: key, Name: key, Quorum: quorum, Servers: servers}
}

func rs(key string, weight int32, checks ...CheckerConfig) ServerConfig {
	return ServerConfig{Key: key, Name: "[10.0.0." + key + "]:tcp:80", Weight: weight, Checks: checks}
}

func inhibited(c ServerConfig) ServerConfig { c.Inhibit = true; return c }

func tcp(retries uint32) CheckerConfig {
	return CheckerConfig{Kind: TCP, Interval: sec, RetryDelay: sec, Warmup: sec, Retries: retries}
}

func alpha(c CheckerConfig) CheckerConfig { c.Alpha = true; return c }

func (c ServiceConfig) sorry(name string, inhibit bool) ServiceConfig {
	c.Sorry = Sorry{Name: name, Inhibit: inhibit}
	return c
}
