package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

func (s *session) statusCmd() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "status [INSTANCE|SERVICE...]",
		Short: "Who is master, which servers are up, since when and why; exit status 0 healthy, 1 degraded, 2 no answer",
		Long: `status shows the processes, the instances with their state, its age and cause,
the sync groups, what is tracked, and the virtual servers with their real servers.
With names it shows those instances and services only, and the exit status is about
them and the processes. A service goes by its name as status shows it, ADDRESS:PORT,
"fwmark N" or the name of its group.

Degraded is also a service without its quorum, with a real server that is down, or
that is not in ip_vs as it should be. What an operator has drained or disabled is not.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			var r *report
			err := s.ask(cmd, func(ctx context.Context, c admin) (err error) {
				r, err = fetch(ctx, c, s.now(), names)
				return err
			})
			if err != nil {
				return err
			}
			if len(r.degraded()) > 0 {
				s.status = exitDegraded
			}
			if asJSON {
				return r.json(s.out)
			}
			return r.text(s.out)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object")
	return cmd
}

// report is everything `keepalivedctl status` shows.
type report struct {
	now       time.Time
	status    *pb.GetStatusResponse
	named     bool              // of some instances and services only
	silent    map[pb.Role]error // processes that could not be asked
	instances []*pb.Instance
	groups    []*pb.SyncGroup
	trackers  []*pb.Tracker
	services  []*pb.VirtualServer
}

// fetch asks for everything. A process that cannot be asked is part of the answer, not
// the lack of one.
func fetch(ctx context.Context, c admin, now time.Time, names []string) (*report, error) {
	r := report{now: now, named: len(names) > 0, silent: map[pb.Role]error{}}
	var err error
	if r.status, err = c.Status(ctx); err != nil {
		return nil, err
	}
	if !r.named {
		err = r.fetchAll(ctx, c)
	}
	for _, name := range names {
		if err == nil {
			err = r.fetchOne(ctx, c, name)
		}
	}
	if err != nil {
		return nil, err
	}
	overlay(r.services, r.status.GetOverrides())
	return &r, nil
}

// from asks a process that the daemon has.
func (r *report) from(role pb.Role, ask func() error) error {
	if !r.runs(role) || r.silent[role] != nil {
		return nil
	}
	err := ask()
	if errors.Is(err, adminapi.ErrUnavailable) {
		r.silent[role], err = err, nil
	}
	return err
}

func (r *report) fetchAll(ctx context.Context, c admin) error {
	err := r.from(pb.Role_ROLE_VRRP, func() error {
		err := c.Instances(ctx, nil, collect(&r.instances))
		if err == nil {
			err = c.SyncGroups(ctx, collect(&r.groups))
		}
		if err == nil {
			err = c.Trackers(ctx, collect(&r.trackers))
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.from(pb.Role_ROLE_CHECKER, func() error { return c.Services(ctx, nil, collect(&r.services)) })
}

// fetchOne asks for what goes by a name: instances, and services, which may share it.
func (r *report) fetchOne(ctx context.Context, c admin, name string) error {
	found := false
	err := r.from(pb.Role_ROLE_VRRP, func() error {
		return c.Instances(ctx, []string{name}, func(v *pb.Instance) error {
			found = true
			if !slices.ContainsFunc(r.instances, func(x *pb.Instance) bool { return x.GetName() == v.GetName() }) {
				r.instances = append(r.instances, v)
			}
			return nil
		})
	})
	if err == nil {
		err = r.from(pb.Role_ROLE_CHECKER, func() error {
			return c.Services(ctx, []string{name}, func(v *pb.VirtualServer) error {
				found = true
				if !slices.ContainsFunc(r.services, func(x *pb.VirtualServer) bool { return x.GetKey() == v.GetKey() }) {
					r.services = append(r.services, v)
				}
				return nil
			})
		})
	}
	if err == nil && !found && len(r.silent) == 0 {
		return usagef("there is no instance or service %q", name)
	}
	return err
}

func collect[M any](into *[]*M) func(*M) error {
	return func(m *M) error {
		*into = append(*into, m)
		return nil
	}
}

// runs reports whether the daemon has a process of that role.
func (r *report) runs(role pb.Role) bool {
	return slices.ContainsFunc(r.status.GetProcesses(), func(p *pb.Process) bool { return p.GetRole() == role })
}

// degraded lists why the daemon is not healthy; empty when it is.
func (r *report) degraded() []string {
	why := []string{}
	if r.status.GetStopping() {
		why = append(why, "keepalived is stopping")
	}
	for _, p := range r.status.GetProcesses() {
		switch s := p.GetState(); {
		case s == pb.ProcessState_PROCESS_STATE_RUNNING, r.status.GetStopping():
		case p.GetRespawnIn() != nil:
			why = append(why, fmt.Sprintf("process %s has ended (%s) and starts again in %s", roleWord(p.GetRole()), p.GetLastExit(), age(p.GetRespawnIn())))
		default:
			why = append(why, fmt.Sprintf("process %s is %s", roleWord(p.GetRole()), processWord(s)))
		}
	}
	if r.silent[pb.Role_ROLE_VRRP] != nil || slices.ContainsFunc(r.instances, (*pb.Instance).GetStale) {
		why = append(why, "the VRRP process does not answer; what is shown of it is what it last said")
	}
	if r.silent[pb.Role_ROLE_CHECKER] != nil || slices.ContainsFunc(r.services, (*pb.VirtualServer).GetStale) {
		why = append(why, "the healthchecker process does not answer; what is shown of it is what it last said")
	}
	why = append(why, absence(r.services)...)
	for _, v := range r.services {
		why = append(why, serviceReasons(v)...)
	}
	for _, v := range r.instances {
		switch {
		case v.GetState() == pb.InstanceState_INSTANCE_STATE_FAULT:
			why = append(why, v.GetName()+" is in FAULT"+prefixed(": ", causes(v)))
		case v.GetState() == pb.InstanceState_INSTANCE_STATE_MASTER && v.GetAddressesPending():
			why = append(why, v.GetName()+" is MASTER without all of its addresses"+prefixed(": ", strings.Join(missing(v), " ")))
		}
	}
	if l := r.status.GetLastReload(); l.GetOutcome() == pb.ReloadOutcome_RELOAD_OUTCOME_REFUSED {
		why = append(why, "the last reload was refused and generation "+fmt.Sprint(r.status.GetGeneration())+" stays in force"+prefixed(": ", l.GetReason()))
	}
	return why
}

func causes(v *pb.Instance) string {
	var out []string
	for _, c := range v.GetFaultCauses() {
		out = append(out, strings.TrimSpace(c.GetKind()+" "+c.GetName()))
	}
	if len(out) == 0 {
		return v.GetLastCause()
	}
	return strings.Join(out, ", ")
}

// missing are the addresses that are not on their interface.
func missing(v *pb.Instance) []string {
	var out []string
	for _, a := range v.GetAddresses() {
		if !a.GetInstalled() {
			out = append(out, a.GetPrefix())
		}
	}
	return out
}

// text writes the tables, and the verdict last, where a terminal shows it.
func (r *report) text(w io.Writer) error {
	b := &strings.Builder{}
	s := r.status
	line(b, "keepalived %s (compatible with %s), up %s", s.GetVersion(), s.GetCompat(), age(s.GetUptime()))
	line(b, "configuration %s, generation %d%s", s.GetConfigFile(), s.GetGeneration(), reloadText(s))
	b.WriteByte('\n')
	r.processText(b)
	r.instanceText(b)
	r.groupText(b)
	r.trackerText(b)
	r.serviceText(b)
	if n := s.GetNotices(); len(n) > 0 {
		b.WriteByte('\n')
		for _, n := range n {
			line(b, "notice %s: %s", clockTime(n.GetTime()), n.GetText())
		}
	}
	b.WriteByte('\n')
	why := r.degraded()
	for _, d := range why {
		line(b, "degraded: %s", d)
	}
	if len(why) == 0 {
		line(b, "healthy%s", prefixed(": ", r.census()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// reloadText tells of the last reload.
func reloadText(s *pb.GetStatusResponse) string {
	text := ""
	if l := s.GetLastReload(); l != nil {
		text = fmt.Sprintf(", last reload %s %s%s", clockTime(l.GetTime()), outcomeWord(l.GetOutcome()), prefixed(": ", l.GetReason()))
	}
	if s.GetReloading() {
		text += ", reloading now"
	}
	return text
}

// census counts the instances by state: 2 MASTER, 1 BACKUP.
func (r *report) census() string {
	var out []string
	for state := range pb.InstanceState_name {
		n := 0
		for _, v := range r.instances {
			if v.GetState() == pb.InstanceState(state) {
				n++
			}
		}
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, stateWord(pb.InstanceState(state))))
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(lastWord(b), lastWord(a)) })
	if text := r.serviceCensus(); text != "" {
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func lastWord(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }

func (r *report) processText(w io.Writer) {
	t := newTable(w, "PROCESS", "PID", "STATE", "UP", "RESTARTS", "STALLS", "LAST EXIT")
	for _, p := range r.status.GetProcesses() {
		pid, up, exit := "", "", p.GetLastExit()
		if p.GetPid() > 0 {
			pid = fmt.Sprint(p.GetPid())
		}
		if at := p.GetStarted(); at != nil && p.GetPid() > 0 && r.status.GetStarted() != nil {
			up = age(durationpb.New(r.status.GetUptime().AsDuration() - at.AsTime().Sub(r.status.GetStarted().AsTime())))
		}
		if exit != "" {
			exit += prefixed(", ", clockTime(p.GetLastExitAt()))
		}
		t.row(roleWord(p.GetRole()), pid, processWord(p.GetState()), up, fmt.Sprint(p.GetRestarts()), stallText(p.GetStalls()), exit)
	}
	t.flush()
}

// stallText tells how often a process did not get to run, and how long at worst.
func stallText(s *pb.StallInfo) string {
	if s.GetCount() == 0 {
		return ""
	}
	return fmt.Sprintf("%d (longest %s)", s.GetCount(), age(s.GetLongest()))
}

func (r *report) instanceText(w io.Writer) {
	if len(r.instances) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable(w, "INSTANCE", "STATE", "SINCE", "PRIORITY", "MASTER", "INTERFACE", "VRID", "ADDRESSES", "CAUSE")
	for _, v := range r.instances {
		state := stateWord(v.GetState())
		if v.GetStale() {
			state += " (stale)"
		}
		priority := fmt.Sprint(v.GetEffectivePriority())
		if v.GetEffectivePriority() != v.GetBasePriority() {
			priority = fmt.Sprintf("%d (base %d)", v.GetEffectivePriority(), v.GetBasePriority())
		}
		cause := v.GetLastCause()
		if v.GetState() == pb.InstanceState_INSTANCE_STATE_FAULT {
			cause = causes(v)
		}
		t.row(v.GetName(), state, age(v.GetInState()), priority, masterText(v), v.GetInterface(), fmt.Sprint(v.GetVrid()), addresses(v), cause)
	}
	t.flush()
}

// masterText tells who is master.
func masterText(v *pb.Instance) string {
	switch {
	case v.GetState() == pb.InstanceState_INSTANCE_STATE_MASTER:
		return "this host"
	case v.GetMasterAddress() != "":
		return fmt.Sprintf("%s (%d)", v.GetMasterAddress(), v.GetMasterPriority())
	}
	return "not heard"
}

// addresses lists the virtual addresses; those that should be and are not on the
// interface are marked.
func addresses(v *pb.Instance) string {
	var out []string
	for _, a := range v.GetAddresses() {
		text := strings.TrimSuffix(a.GetPrefix(), "/32")
		if strings.Contains(text, ":") {
			text = strings.TrimSuffix(text, "/128")
		}
		if v.GetState() == pb.InstanceState_INSTANCE_STATE_MASTER && !a.GetInstalled() {
			text += "(missing)"
		}
		out = append(out, text)
	}
	const shown = 4
	if len(out) > shown {
		out = append(out[:shown], fmt.Sprintf("and %d more", len(out)-shown))
	}
	return strings.Join(out, " ")
}

func (r *report) groupText(w io.Writer) {
	if len(r.groups) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable(w, "GROUP", "STATE", "MEMBERS")
	for _, g := range r.groups {
		t.row(g.GetName(), stateWord(g.GetState()), strings.Join(g.GetMembers(), " "))
	}
	t.flush()
}

func (r *report) trackerText(w io.Writer) {
	if len(r.trackers) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable(w, "TRACKED", "KIND", "STATUS", "WEIGHT", "LAST RUN", "INSTANCES")
	for _, k := range r.trackers {
		weight := fmt.Sprintf("%+d", k.GetWeight())
		switch {
		case k.GetWeight() == 0:
			weight = "fault"
		case k.GetReverse():
			weight += " reverse"
		}
		t.row(k.GetName(), trackerKind(k.GetKind()), trackerWord(k.GetStatus()), weight, runText(k), strings.Join(k.GetInstances(), " "))
	}
	t.flush()
}

// runText tells how a script's last run ended.
func runText(k *pb.Tracker) string {
	exit := k.GetLastExit()
	switch {
	case k.GetKind() != pb.TrackerKind_TRACKER_KIND_SCRIPT:
		return ""
	case k.GetStatus() == pb.TrackerStatus_TRACKER_STATUS_INIT && k.GetRunning():
		return "running"
	case k.GetStatus() != pb.TrackerStatus_TRACKER_STATUS_UP && k.GetStatus() != pb.TrackerStatus_TRACKER_STATUS_DOWN:
		return ""
	case k.GetTimedOut():
		return "timed out after " + age(k.GetTimeout())
	case exit < 0:
		return fmt.Sprintf("ended by signal %d", -exit)
	case exit == 0:
		return "ok in " + age(k.GetLastTook())
	default:
		return fmt.Sprintf("exit status %d in %s", exit, age(k.GetLastTook()))
	}
}

// json writes one object: the verdict, and the parts as protojson writes them.
func (r *report) json(w io.Writer) error {
	degraded := r.degraded()
	out := struct {
		Healthy   bool              `json:"healthy"`
		Degraded  []string          `json:"degraded"`
		Status    json.RawMessage   `json:"status"`
		Instances []json.RawMessage `json:"instances"`
		Groups    []json.RawMessage `json:"syncGroups"`
		Trackers  []json.RawMessage `json:"trackers"`
		Services  []json.RawMessage `json:"services"`
	}{Healthy: len(degraded) == 0, Degraded: degraded}
	var err error
	if out.Status, err = protoJSON(r.status); err != nil {
		return err
	}
	if out.Instances, err = protoList(r.instances); err != nil {
		return err
	}
	if out.Groups, err = protoList(r.groups); err != nil {
		return err
	}
	if out.Trackers, err = protoList(r.trackers); err != nil {
		return err
	}
	if out.Services, err = protoList(r.services); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(out)
}
