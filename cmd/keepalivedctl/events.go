package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	pb "keepalived/proto/keepalived/v1"
)

// eventsCommand prints changes as they come until ctx ends or the daemon goes away.
func eventsCommand(ctx context.Context, c admin, w io.Writer, asJSON, noSnapshot bool) error {
	return c.Watch(ctx, &pb.WatchEventsRequest{NoSnapshot: noSnapshot}, func(e *pb.Event) error {
		if asJSON {
			return writeJSON(w, e)
		}
		_, err := fmt.Fprintln(w, eventLine(e, time.Now()))
		return err
	})
}

// eventLine is one event for people: time, age, object, what and why.
func eventLine(e *pb.Event, now time.Time) string {
	var b strings.Builder
	b.WriteString(clockTime(e.GetTime()))
	if t := e.GetTime(); t != nil {
		if old := now.Sub(t.AsTime()); old >= time.Second {
			fmt.Fprintf(&b, " (%s ago)", old.Round(time.Second))
		}
	}
	b.WriteByte(' ')
	b.WriteString(eventText(e))
	return b.String()
}

func eventText(e *pb.Event) string {
	switch k := e.GetKind().(type) {
	case *pb.Event_Instance:
		return changeText(k.Instance.GetInstance().GetName(), stateWord(k.Instance.GetFrom()), stateWord(k.Instance.GetInstance().GetState()), k.Instance.GetRemoved(), k.Instance.GetCause())
	case *pb.Event_SyncGroup:
		return "group " + changeText(k.SyncGroup.GetGroup().GetName(), stateWord(k.SyncGroup.GetFrom()), stateWord(k.SyncGroup.GetGroup().GetState()), k.SyncGroup.GetRemoved(), k.SyncGroup.GetCause())
	case *pb.Event_Tracker:
		t := k.Tracker.GetTracker()
		kind := strings.ToLower(word(t.GetKind().String(), "TRACKER_KIND_"))
		return kind + " " + changeText(t.GetName(), trackerWord(k.Tracker.GetFrom()), trackerWord(t.GetStatus()), k.Tracker.GetRemoved(), "")
	case *pb.Event_Process:
		p := k.Process
		text := fmt.Sprintf("process %s (pid %d) %s%s", roleWord(p.GetRole()), p.GetPid(), processWord(p.GetState()), prefixed(": ", p.GetCause()))
		if p.GetRespawnIn() != nil {
			text += ", starts again in " + age(p.GetRespawnIn())
		}
		return text
	case *pb.Event_Reload:
		return fmt.Sprintf("reload %s, generation %d%s", strings.ToLower(word(k.Reload.GetOutcome().String(), "RELOAD_OUTCOME_")), k.Reload.GetGeneration(), prefixed(": ", k.Reload.GetReason()))
	case *pb.Event_AddressRestored:
		a := k.AddressRestored
		return fmt.Sprintf("%s: %s was removed from %s by somebody else and put back", a.GetInstance(), a.GetPrefix(), a.GetInterface())
	case *pb.Event_Stalled:
		return fmt.Sprintf("process %s did not run for %s", roleWord(e.GetSource()), age(k.Stalled.GetLength()))
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
	return "an event this keepalivedctl does not know; is it older than the daemon?"
}

func changeText(name, from, to string, removed bool, cause string) string {
	if removed {
		return name + " removed" + prefixed(": ", cause)
	}
	return fmt.Sprintf("%s %s%s%s", name, strings.TrimPrefix(from+" -> ", " -> "), to, prefixed(": ", cause))
}

func trackerWord(s pb.TrackerStatus) string {
	return strings.ToLower(word(s.String(), "TRACKER_STATUS_"))
}
