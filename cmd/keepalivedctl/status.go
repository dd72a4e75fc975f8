package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	pb "keepalived/proto/keepalived/v1"
)

// report is everything `keepalivedctl status` shows.
type report struct {
	status    *pb.GetStatusResponse
	instances []*pb.Instance
	groups    []*pb.SyncGroup
	trackers  []*pb.Tracker
}

func fetch(ctx context.Context, c admin) (*report, error) {
	var r report
	var err error
	if r.status, err = c.Status(ctx); err != nil {
		return nil, err
	}
	if !r.runs(pb.Role_ROLE_VRRP) {
		return &r, nil
	}
	err = c.Instances(ctx, nil, func(v *pb.Instance) error { r.instances = append(r.instances, v); return nil })
	if err == nil {
		err = c.SyncGroups(ctx, func(g *pb.SyncGroup) error { r.groups = append(r.groups, g); return nil })
	}
	if err == nil {
		err = c.Trackers(ctx, func(t *pb.Tracker) error { r.trackers = append(r.trackers, t); return nil })
	}
	return &r, err
}

// runs reports whether the daemon has a process of that role.
func (r *report) runs(role pb.Role) bool {
	for _, p := range r.status.GetProcesses() {
		if p.GetRole() == role {
			return true
		}
	}
	return false
}

// degraded lists why the daemon is not healthy; empty when it is.
func (r *report) degraded() []string {
	var why []string
	for _, p := range r.status.GetProcesses() {
		if s := p.GetState(); s != pb.ProcessState_PROCESS_STATE_RUNNING {
			why = append(why, fmt.Sprintf("process %s is %s", roleWord(p.GetRole()), processWord(s)))
		}
	}
	for _, v := range r.instances {
		switch {
		case v.GetStale():
			why = append(why, fmt.Sprintf("%s: the VRRP process does not answer", v.GetName()))
		case v.GetState() == pb.InstanceState_INSTANCE_STATE_FAULT:
			why = append(why, fmt.Sprintf("%s is in FAULT: %s", v.GetName(), causes(v)))
		case v.GetAddressesPending() && v.GetState() == pb.InstanceState_INSTANCE_STATE_MASTER:
			why = append(why, fmt.Sprintf("%s: not all addresses are installed", v.GetName()))
		}
	}
	if l := r.status.GetLastReload(); l.GetOutcome() == pb.ReloadOutcome_RELOAD_OUTCOME_REFUSED {
		why = append(why, "the last reload was refused: "+l.GetReason())
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

// text writes the tables.
func (r *report) text(w io.Writer) {
	s := r.status
	fmt.Fprintf(w, "keepalived %s (compatible with %s), up %s, configuration %s generation %d\n",
		s.GetVersion(), s.GetCompat(), age(s.GetUptime()), s.GetConfigFile(), s.GetGeneration())
	if l := s.GetLastReload(); l != nil {
		outcome := strings.ToLower(word(l.GetOutcome().String(), "RELOAD_OUTCOME_"))
		fmt.Fprintf(w, "last reload %s, %s%s\n", clockTime(l.GetTime()), outcome, prefixed(": ", l.GetReason()))
	}
	fmt.Fprintln(w)
	t := newTable(w, "PROCESS", "PID", "STATE", "RESTARTS", "HEARTBEAT", "LAST EXIT")
	for _, p := range s.GetProcesses() {
		heartbeat := ""
		if p.GetRole() != pb.Role_ROLE_PARENT {
			heartbeat = age(p.GetHeartbeatAge())
		}
		t.row(roleWord(p.GetRole()), fmt.Sprint(p.GetPid()), processWord(p.GetState()), fmt.Sprint(p.GetRestarts()), heartbeat, p.GetLastExit())
	}
	t.flush()
	r.instanceText(w)
	r.trackerText(w)
	for _, n := range s.GetNotices() {
		fmt.Fprintf(w, "notice %s: %s\n", clockTime(n.GetTime()), n.GetText())
	}
	for _, d := range r.degraded() {
		fmt.Fprintf(w, "degraded: %s\n", d)
	}
}

func (r *report) instanceText(w io.Writer) {
	if len(r.instances) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable(w, "INSTANCE", "STATE", "SINCE", "PRIORITY", "MASTER", "INTERFACE", "VRID", "GROUP", "ADDRESSES", "CAUSE")
	for _, v := range r.instances {
		state := stateWord(v.GetState())
		if v.GetStale() {
			state += " (stale)"
		}
		priority := fmt.Sprint(v.GetEffectivePriority())
		if v.GetEffectivePriority() != v.GetBasePriority() {
			priority = fmt.Sprintf("%d (%d)", v.GetEffectivePriority(), v.GetBasePriority())
		}
		master := v.GetMasterAddress()
		if master != "" {
			master = fmt.Sprintf("%s (%d)", master, v.GetMasterPriority())
		}
		cause := v.GetLastCause()
		if v.GetState() == pb.InstanceState_INSTANCE_STATE_FAULT {
			cause = causes(v)
		}
		t.row(v.GetName(), state, age(v.GetInState()), priority, master, v.GetInterface(), fmt.Sprint(v.GetVrid()), v.GetSyncGroup(), addresses(v), cause)
	}
	t.flush()
}

// addresses lists the virtual addresses; those that should be and are not on the
// interface are marked.
func addresses(v *pb.Instance) string {
	var out []string
	for _, a := range v.GetAddresses() {
		text := strings.TrimSuffix(strings.TrimSuffix(a.GetPrefix(), "/32"), "/128")
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

func (r *report) trackerText(w io.Writer) {
	if len(r.trackers) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable(w, "TRACKED", "KIND", "STATUS", "WEIGHT", "LAST EXIT", "INSTANCES")
	for _, k := range r.trackers {
		exit := ""
		if k.GetKind() == pb.TrackerKind_TRACKER_KIND_SCRIPT && k.GetLastStart() != nil {
			exit = fmt.Sprint(k.GetLastExit())
			if k.GetTimedOut() {
				exit = "timed out"
			}
		}
		t.row(k.GetName(), strings.ToLower(word(k.GetKind().String(), "TRACKER_KIND_")), strings.ToLower(word(k.GetStatus().String(), "TRACKER_STATUS_")),
			fmt.Sprint(k.GetWeight()), exit, strings.Join(k.GetInstances(), " "))
	}
	t.flush()
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// statusCommand prints the report and returns the exit status: 0 healthy, 1 degraded.
func statusCommand(ctx context.Context, c admin, w io.Writer, asJSON bool) (int, error) {
	r, err := fetch(ctx, c)
	if err != nil {
		return 0, err
	}
	if asJSON {
		err = r.json(w)
	} else {
		r.text(w)
	}
	if len(r.degraded()) > 0 {
		return exitDegraded, err
	}
	return exitHealthy, err
}

// json writes one object with the parts as protojson writes them.
func (r *report) json(w io.Writer) error {
	out := &strings.Builder{}
	out.WriteString(`{"status":`)
	if err := writeJSON(out, r.status); err != nil {
		return err
	}
	if err := jsonList(out, "instances", r.instances); err != nil {
		return err
	}
	if err := jsonList(out, "syncGroups", r.groups); err != nil {
		return err
	}
	if err := jsonList(out, "trackers", r.trackers); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s}\n", strings.ReplaceAll(out.String(), "\n", ""))
	return err
}
