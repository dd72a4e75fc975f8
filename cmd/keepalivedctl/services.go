package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "keepalived/proto/keepalived/v1"
)

// shownServers is how many servers one line names.
const shownServers = 4

// overlay puts the overrides that the parent holds over what the healthchecker process,
// which does not answer, last said.
func overlay(services []*pb.VirtualServer, overrides []*pb.ServerOverride) {
	for _, v := range services {
		if !v.GetStale() {
			continue
		}
		for _, s := range v.GetServers() {
			s.Override = nil
			for _, o := range overrides {
				if o.GetService() == v.GetKey() && o.GetServer() == s.GetKey() {
					s.Override = o
				}
			}
		}
	}
}

// serviceReasons lists why a virtual server is not healthy. What an operator has taken
// out is not missed.
func serviceReasons(v *pb.VirtualServer) []string {
	var why []string
	if !v.GetQuorumUp() {
		text := fmt.Sprintf("%s has no quorum: weight %d of %d", v.GetName(), v.GetWeight(), v.GetQuorum())
		if v.GetSorryActive() {
			text += ", the sorry server " + v.GetSorryServer() + " takes its place"
		}
		why = append(why, text)
	}
	var down []string
	for _, s := range v.GetServers() {
		if !s.GetAlive() && mode(s) == pb.ServerMode_SERVER_MODE_NORMAL {
			down = append(down, s.GetName()+inParentheses(badCheck(s)))
		}
	}
	if n := len(down); n > 0 {
		why = append(why, fmt.Sprintf("%s: %d of %d servers down: %s", v.GetName(), n, len(v.GetServers()), some(down)))
	}
	if v.GetTable() == pb.TableState_TABLE_STATE_PENDING {
		why = append(why, v.GetName()+" is not yet in ip_vs as it should be"+prefixed(": ", v.GetTableError()))
	}
	return why
}

// absence tells, once for all services, that there is no ip_vs to balance them.
func absence(services []*pb.VirtualServer) []string {
	for _, v := range services {
		if v.GetTable() == pb.TableState_TABLE_STATE_ABSENT {
			return []string{"nothing is balanced: " + cmp.Or(v.GetTableError(), "this kernel has no ip_vs")}
		}
	}
	return nil
}

// some joins the first of a list.
func some(list []string) string {
	if len(list) > shownServers {
		list = append(list[:shownServers:shownServers], fmt.Sprintf("and %d more", len(list)-shownServers))
	}
	return strings.Join(list, ", ")
}

func inParentheses(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func mode(s *pb.RealServer) pb.ServerMode {
	return max(s.GetOverride().GetMode(), pb.ServerMode_SERVER_MODE_NORMAL)
}

func modeWord(m pb.ServerMode) string { return word(m.String(), "SERVER_MODE_") }

func upWord(up bool) string {
	if up {
		return "UP"
	}
	return "DOWN"
}

// serverState is UP, DOWN, DRAINING, DISABLED, or DOWN with what an operator set.
func serverState(s *pb.RealServer) string {
	m := mode(s)
	switch {
	case m == pb.ServerMode_SERVER_MODE_NORMAL:
		return upWord(s.GetAlive())
	case !s.GetAlive():
		return "DOWN, " + modeWord(m)
	}
	return modeWord(m)
}

// serverWeight is the weight in ip_vs, "-" for a server that is to be none there, and
// the configured one when it is another.
func serverWeight(s *pb.RealServer) string {
	switch {
	case !s.GetPresent():
		return fmt.Sprintf("- (configured %d)", s.GetConfiguredWeight())
	case s.GetTableWeight() != s.GetConfiguredWeight():
		return fmt.Sprintf("%d (configured %d)", s.GetTableWeight(), s.GetConfiguredWeight())
	}
	return fmt.Sprint(s.GetTableWeight())
}

func connections(n *uint64) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

// telling is the checker that tells most of a server: one that keeps it down, else one
// whose latest probe failed, else the one that ran last.
func telling(s *pb.RealServer) *pb.Checker {
	var best *pb.Checker
	rank := func(c *pb.Checker) int {
		switch {
		case c.GetHasRun() && !c.GetUp():
			return 3
		case c.GetLastRan() != nil && !c.GetGood():
			return 2
		case c.GetHasRun():
			return 1
		}
		return 0
	}
	for _, c := range s.GetCheckers() {
		if best == nil || rank(c) > rank(best) || rank(c) == rank(best) && c.GetLastRan().AsTime().After(best.GetLastRan().AsTime()) {
			best = c
		}
	}
	return best
}

// badCheck is why a server is down.
func badCheck(s *pb.RealServer) string {
	c := telling(s)
	if c == nil {
		return ""
	}
	return checkResult(c)
}

func checkResult(c *pb.Checker) string {
	switch {
	case !c.GetHasRun() && c.GetLastRan() == nil:
		return c.GetType() + " has not run yet"
	case c.GetGood() && c.GetCause() == "":
		return c.GetType() + " ok"
	case c.GetGood():
		return c.GetType() + " ok, " + c.GetCause()
	case c.GetCause() == "":
		return c.GetType() + " failed"
	}
	return c.GetType() + ": " + c.GetCause()
}

// lastCheck is the latest result that matters, and its age.
func lastCheck(s *pb.RealServer, now time.Time) string {
	c := telling(s)
	if c == nil {
		return "no checker"
	}
	text := checkResult(c)
	if at := c.GetLastRan(); at != nil {
		text += ", " + age(durationpb.New(now.Sub(at.AsTime()))) + " ago"
	}
	if c.GetUp() && c.GetRetries() > 0 {
		text += fmt.Sprintf(", retry %d", c.GetRetries())
	}
	return text
}

// overrideWords is what an operator has set, without saying who.
func overrideWords(o *pb.ServerOverride) string {
	var words []string
	if o.GetMode() > pb.ServerMode_SERVER_MODE_NORMAL {
		text := lower(o.GetMode().String(), "SERVER_MODE_")
		if o.GetUntil() != nil && o.GetMode() == pb.ServerMode_SERVER_MODE_DRAINING {
			text += " until " + secondTime(o.GetUntil())
		}
		words = append(words, text)
	}
	if o != nil && o.Weight != nil {
		words = append(words, fmt.Sprintf("weight %d", o.GetWeight()))
	}
	return strings.Join(words, ", ")
}

// overrideText is what an operator has set, until when, who and why.
func overrideText(o *pb.ServerOverride) string {
	text := overrideWords(o)
	if text == "" {
		return ""
	}
	return text + prefixed(" by ", o.GetWho()) + prefixed(" since ", secondTime(o.GetSince())) + prefixed(": ", o.GetWhy())
}

// secondTime writes a time of day in local time.
func secondTime(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format("2006-01-02 15:04:05")
}

func (r *report) serviceText(w io.Writer) {
	if len(r.services) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable(w, "SERVICE", "STATE", "SINCE", "QUORUM", "WEIGHT", "SCHEDULER", "METHOD", "SERVERS", "ACTIVE", "SORRY SERVER", "REPAIRS")
	for _, v := range r.services {
		state := upWord(v.GetQuorumUp())
		if v.GetStale() {
			state += " (stale)"
		}
		alive := 0
		for _, s := range v.GetServers() {
			if s.GetAlive() && mode(s) == pb.ServerMode_SERVER_MODE_NORMAL {
				alive++
			}
		}
		sorry := v.GetSorryServer()
		if v.GetSorryActive() {
			sorry += " (in use)"
		}
		repairs := ""
		if v.GetRepairs() > 0 {
			repairs = fmt.Sprint(v.GetRepairs())
		}
		t.row(v.GetName(), state, age(v.GetInState()), fmt.Sprint(v.GetQuorum()), fmt.Sprint(v.GetWeight()), v.GetScheduler(), v.GetMethod(),
			fmt.Sprintf("%d of %d", alive, len(v.GetServers())), connections(v.ActiveConnections), sorry, repairs)
	}
	t.flush()
	fmt.Fprintln(w)
	t = newTable(w, "SERVICE", "SERVER", "STATE", "SINCE", "WEIGHT", "ACTIVE", "LAST CHECK", "OVERRIDE")
	for _, v := range r.services {
		for _, s := range v.GetServers() {
			t.row(v.GetName(), s.GetName(), serverState(s), age(s.GetInState()), serverWeight(s), connections(s.ActiveConnections),
				lastCheck(s, r.now), overrideText(s.GetOverride()))
		}
	}
	t.flush()
}

// serviceCensus counts what is up: 2 of 2 services up, 5 of 6 servers up.
func (r *report) serviceCensus() string {
	if len(r.services) == 0 {
		return ""
	}
	services, up, out, all := 0, 0, 0, 0
	for _, v := range r.services {
		if v.GetQuorumUp() {
			services++
		}
		all += len(v.GetServers())
		for _, s := range v.GetServers() {
			switch {
			case mode(s) != pb.ServerMode_SERVER_MODE_NORMAL:
				out++
			case s.GetAlive():
				up++
			}
		}
	}
	text := fmt.Sprintf("%d of %d services up, %d of %d servers up", services, len(r.services), up, all)
	if out > 0 {
		text += fmt.Sprintf(" and %d taken out", out)
	}
	return text
}
