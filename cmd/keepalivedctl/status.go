package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

func (s *session) statusCmd() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "status [INSTANCE...]",
		Short: "Who is master, since when and why; exit status 0 healthy, 1 degraded, 2 no answer",
		Long: `status shows the processes, the instances with their state, its age and cause,
the sync groups and what is tracked. With names it shows those instances only,
and the exit status is about them and the processes.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			var r *report
			err := s.ask(cmd, func(ctx context.Context, c admin) (err error) {
				r, err = fetch(ctx, c, names)
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
	status    *pb.GetStatusResponse
	named     bool // of some instances only
	silent    bool // the VRRP process could not be asked
	instances []*pb.Instance
	groups    []*pb.SyncGroup
	trackers  []*pb.Tracker
}

// fetch asks for everything. A VRRP process that cannot be asked is part of the
// answer, not the lack of one.
func fetch(ctx context.Context, c admin, names []string) (*report, error) {
	r := report{named: len(names) > 0}
	var err error
	if r.status, err = c.Status(ctx); err != nil {
		return nil, err
	}
	if r.runs(pb.Role_ROLE_VRRP) {
		err = c.Instances(ctx, names, func(v *pb.Instance) error { r.instances = append(r.instances, v); return nil })
	}
	if r.runs(pb.Role_ROLE_VRRP) && !r.named && err == nil {
		err = c.SyncGroups(ctx, func(g *pb.SyncGroup) error { r.groups = append(r.groups, g); return nil })
		if err == nil {
			err = c.Trackers(ctx, func(t *pb.Tracker) error { r.trackers = append(r.trackers, t); return nil })
		}
	}
	if errors.Is(err, adminapi.ErrUnavailable) {
		r.silent, err = true, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !r.silent && !slices.ContainsFunc(r.instances, func(v *pb.Instance) bool { return v.GetName() == name }) {
			return nil, usagef("there is no instance %q", name)
		}
	}
	return &r, nil
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
	if r.silent || slices.ContainsFunc(r.instances, (*pb.Instance).GetStale) {
		why = append(why, "the VRRP process does not answer; what is shown of it is what it last said")
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
	fmt.Fprintf(b, "keepalived %s (compatible with %s), up %s\n", s.GetVersion(), s.GetCompat(), age(s.GetUptime()))
	fmt.Fprintf(b, "configuration %s, generation %d%s\n", s.GetConfigFile(), s.GetGeneration(), reloadText(s))
	b.WriteByte('\n')
	r.processText(b)
	r.instanceText(b)
	r.groupText(b)
	r.trackerText(b)
	if n := s.GetNotices(); len(n) > 0 {
		b.WriteByte('\n')
		for _, n := range n {
			fmt.Fprintf(b, "notice %s: %s\n", clockTime(n.GetTime()), n.GetText())
		}
	}
	b.WriteByte('\n')
	why := r.degraded()
	for _, d := range why {
		fmt.Fprintf(b, "degraded: %s\n", d)
	}
	if len(why) == 0 {
		fmt.Fprintf(b, "healthy%s\n", prefixed(": ", r.census()))
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
	return json.NewEncoder(w).Encode(out)
}
