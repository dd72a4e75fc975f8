package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	pb "keepalived/proto/keepalived/v1"
)

func (s *session) eventsCmd() *cobra.Command {
	asJSON, noSnapshot := false, false
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print the present state, then every change with its cause, until interrupted",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := s.watch(cmd.Context(), &pb.WatchEventsRequest{NoSnapshot: noSnapshot}, asJSON)
			if cmd.Context().Err() != nil {
				return nil // Ctrl-C is how one stops watching
			}
			if err == nil {
				err = errors.New("the daemon has ended the stream")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object a line")
	cmd.Flags().BoolVar(&noSnapshot, "no-snapshot", false, "only changes from now on")
	return cmd
}

// watch prints changes as they come until ctx ends or the daemon goes away; only the
// connection has a time limit.
func (s *session) watch(ctx context.Context, r *pb.WatchEventsRequest, asJSON bool) error {
	dialing, cancel := context.WithTimeout(ctx, s.timeout)
	c, err := s.dial(dialing, s.socket)
	cancel()
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Watch(ctx, r, func(e *pb.Event) error {
		if asJSON {
			line, err := protoJSON(e)
			if err == nil {
				_, err = fmt.Fprintf(s.out, "%s\n", line)
			}
			return err
		}
		_, err := io.WriteString(s.out, safe(eventLine(e, s.now()))+"\n")
		return err
	})
}

// eventLine is one event for people: time, age if it is old, object, what and why.
func eventLine(e *pb.Event, now time.Time) string {
	text := eventText(e)
	switch e.GetKind().(type) {
	case *pb.Event_SnapshotInstance, *pb.Event_SnapshotSyncGroup, *pb.Event_SnapshotService, *pb.Event_SnapshotEnd, *pb.Event_Missed:
		return text // these tell of no moment
	}
	t := e.GetTime()
	if t == nil {
		return text
	}
	old := ""
	if d := now.Sub(t.AsTime()); d >= time.Second {
		old = fmt.Sprintf(" (%s ago)", d.Round(time.Second))
	}
	return clockTime(t) + old + " " + text
}

func eventText(e *pb.Event) string {
	switch k := e.GetKind().(type) {
	case *pb.Event_Instance:
		v := k.Instance.GetInstance()
		return changeText(v.GetName(), stateWord(k.Instance.GetFrom()), stateWord(v.GetState()), k.Instance.GetRemoved(), k.Instance.GetCause())
	case *pb.Event_SyncGroup:
		g := k.SyncGroup.GetGroup()
		return "group " + changeText(g.GetName(), stateWord(k.SyncGroup.GetFrom()), stateWord(g.GetState()), k.SyncGroup.GetRemoved(), k.SyncGroup.GetCause())
	case *pb.Event_Tracker:
		t := k.Tracker.GetTracker()
		return trackerKind(t.GetKind()) + " " + changeText(t.GetName(), trackerWord(k.Tracker.GetFrom()), trackerWord(t.GetStatus()), k.Tracker.GetRemoved(), runText(t))
	case *pb.Event_Process:
		return processText(k.Process)
	case *pb.Event_Reload:
		return fmt.Sprintf("reload %s, generation %d%s", outcomeWord(k.Reload.GetOutcome()), k.Reload.GetGeneration(), prefixed(": ", k.Reload.GetReason()))
	case *pb.Event_AddressRestored:
		a := k.AddressRestored
		return fmt.Sprintf("%s: %s was removed from %s by something else and has been put back", a.GetInstance(), a.GetPrefix(), a.GetInterface())
	case *pb.Event_Stalled:
		return fmt.Sprintf("process %s did not get to run for %s", roleWord(e.GetSource()), age(k.Stalled.GetLength()))
	case *pb.Event_Service:
		return serviceChange(k.Service)
	case *pb.Event_Server:
		return serverChange(k.Server)
	case *pb.Event_Override:
		return overrideChange(k.Override)
	case *pb.Event_TableRepaired:
		return repairText(k.TableRepaired)
	case *pb.Event_SnapshotService:
		return snapshotService(k.SnapshotService)
	case *pb.Event_SnapshotInstance:
		v := k.SnapshotInstance
		return fmt.Sprintf("%s is %s since %s%s", v.GetName(), stateWord(v.GetState()), clockTime(v.GetSince()), prefixed(": ", v.GetLastCause()))
	case *pb.Event_SnapshotSyncGroup:
		return fmt.Sprintf("group %s is %s", k.SnapshotSyncGroup.GetName(), stateWord(k.SnapshotSyncGroup.GetState()))
	case *pb.Event_SnapshotEnd:
		return "-- changes from here on --"
	case *pb.Event_Missed:
		return fmt.Sprintf("-- %d events missed --", k.Missed.GetCount())
	}
	return "an event that this keepalivedctl does not know; is it older than the daemon?"
}

// changeText is `VI_1 BACKUP -> MASTER: no advertisement received`.
func changeText(name, from, to string, removed bool, cause string) string {
	switch {
	case removed:
		return name + " removed" + prefixed(": ", cause)
	case from == "":
		return name + " " + to + prefixed(": ", cause)
	}
	return name + " " + from + " -> " + to + prefixed(": ", cause)
}

func processText(p *pb.ProcessChange) string {
	text := "process " + roleWord(p.GetRole())
	if p.GetPid() > 0 {
		text += fmt.Sprintf(" (pid %d)", p.GetPid())
	}
	text += " " + processWord(p.GetState()) + prefixed(": ", p.GetCause())
	if p.GetRespawnIn() != nil {
		text += ", starts again in " + age(p.GetRespawnIn())
	}
	return text
}

// serviceChange is `service [10.0.0.100]:tcp:80 UP -> DOWN: …`, or what else is new.
func serviceChange(c *pb.ServiceChange) string {
	v := c.GetService()
	name, now := "service "+v.GetName(), upWord(v.GetQuorumUp())
	if c.GetRemoved() {
		return changeText(name, "", "", true, c.GetCause())
	}
	if v.GetSorryActive() {
		now += ", sorry server " + v.GetSorryServer()
	}
	switch v.GetTable() {
	case pb.TableState_TABLE_STATE_PENDING:
		now += ", not yet in ip_vs" + inParentheses(v.GetTableError())
	case pb.TableState_TABLE_STATE_ABSENT:
		now += ", no ip_vs" + inParentheses(v.GetTableError())
	}
	now += fmt.Sprintf(", weight %d of %d", v.GetWeight(), v.GetQuorum())
	from := ""
	if !c.GetFirst() && c.GetWasUp() != v.GetQuorumUp() {
		from = upWord(c.GetWasUp())
	}
	return changeText(name, from, now, false, c.GetCause())
}

func serverChange(c *pb.ServerChange) string {
	s := c.GetServer()
	from := ""
	if !c.GetFirst() && c.GetWasAlive() != s.GetAlive() {
		from = upWord(c.GetWasAlive())
	}
	return changeText("server "+s.GetName()+" of "+c.GetService(), from, serverState(s)+", weight "+serverWeight(s), c.GetRemoved(), c.GetCause())
}

func overrideChange(c *pb.OverrideChange) string {
	o := c.GetOverride()
	text := "server " + o.GetServerName() + " of " + o.GetServiceName() + " "
	if c.GetRemoved() {
		text += "without override"
	} else {
		text += overrideWords(o)
	}
	return text + prefixed(": ", c.GetCause()) + inParentheses(o.GetWhy())
}

func repairText(r *pb.TableRepaired) string {
	what := "service " + r.GetService()
	if r.GetServer() != "" {
		what = "server " + r.GetServer() + " of " + r.GetService()
	}
	return fmt.Sprintf("%s: its entry in ip_vs was not as it had been made (%s) and has been put right (repair %d of this service)", what, r.GetDrift(), r.GetTimes())
}

// snapshotService is the service, and those of its servers that are not up.
func snapshotService(v *pb.VirtualServer) string {
	var not []string
	for _, s := range v.GetServers() {
		if state := serverState(s); state != "UP" {
			why := ""
			if !s.GetAlive() {
				why = badCheck(s)
			}
			not = append(not, s.GetName()+" "+state+inParentheses(why))
		}
	}
	return fmt.Sprintf("service %s is %s%s with %d of %d servers%s", v.GetName(), upWord(v.GetQuorumUp()), prefixed(" since ", clockTime(v.GetSince())),
		len(v.GetServers())-len(not), len(v.GetServers()), prefixed(": ", some(not)))
}
