package vrrp

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"keepalived/core/logging"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/wire"
)

// This file holds every text that the child logs about instances, in the words of
// 2.2.7 where it has them: people grep their logs for these.

// detail logs what is shown with -D only.
func (d *daemon) detail(text string, attrs ...slog.Attr) {
	d.log.LogAttrs(context.Background(), logging.Detail, text, attrs...)
}

// info logs a line with its facts for machines.
func (d *daemon) info(text string, attrs ...slog.Attr) {
	d.log.LogAttrs(context.Background(), slog.LevelInfo, text, attrs...)
}

// say renders a message of the state machine.
func (d *daemon) say(in *instance, a *fsm.Action) {
	switch a.Msg {
	case fsm.MsgSettingVIPs:
		d.sayAddresses(in, "setting")
		return
	case fsm.MsgRemovingVIPs:
		d.sayAddresses(in, "removing")
		return
	}
	text := "(" + in.cfg.Name + ") " + messageText(a, in)
	attrs := []slog.Attr{slog.String("instance", in.cfg.Name), slog.String("state", in.st.Phase.String())}
	if a.Peer.IsValid() {
		attrs = append(attrs, slog.String("peer", a.Peer.String()), slog.Int("priority", int(a.Priority)))
	}
	if a.Msg.Detail() {
		d.detail(text, attrs...)
		return
	}
	d.info(text, attrs...)
}

func messageText(a *fsm.Action, in *instance) string {
	switch a.Msg {
	case fsm.MsgReceiveTimeout:
		return "Receive advertisement timeout"
	case fsm.MsgEnteringMaster:
		return "Entering MASTER STATE"
	case fsm.MsgEnteringBackup:
		return "Entering BACKUP STATE"
	case fsm.MsgEnteringBackupInit:
		return "Entering BACKUP STATE (init)"
	case fsm.MsgEnteringFault:
		return "Entering FAULT STATE"
	case fsm.MsgSentZero:
		return "sent 0 priority"
	case fsm.MsgBackupZero:
		return "Backup received priority 0 advertisement"
	case fsm.MsgMasterZero:
		return "Master received priority 0 message"
	case fsm.MsgPriority:
		return fmt.Sprintf("Changing effective priority from %d to %d", a.Ours, a.Priority)
	case fsm.MsgStartPreemptDelay:
		return fmt.Sprintf("start preempt delay (%s)", sixDecimals(a.For))
	case fsm.MsgStopPreemptDelay:
		return "stop preempt delay"
	case fsm.MsgIntervalOfMaster:
		return fmt.Sprintf("advertisement interval updated from %dms to %dms by master", a.Was.Milliseconds(), a.For.Milliseconds())
	case fsm.MsgIntervalOwn:
		return fmt.Sprintf("changing advert interval from %dms to locally configured %dms", a.Was.Milliseconds(), a.For.Milliseconds())
	}
	return advertText(a, in)
}

// advertText renders what is said about other routers, and our own additions.
func advertText(a *fsm.Action, in *instance) string {
	switch a.Msg {
	case fsm.MsgHigherPriority:
		return fmt.Sprintf("Master received advert from %s with higher priority %d, ours %d", a.Peer, a.Priority, a.Ours)
	case fsm.MsgHigherAddress:
		return fmt.Sprintf("Master received advert from %s with same priority %d but higher IP address than ours", a.Peer, a.Priority)
	case fsm.MsgLowerDiscarded:
		return fmt.Sprintf("received lower priority (%d) advert from %s - discarding", a.Priority, a.Peer)
	case fsm.MsgLowerForcing:
		return fmt.Sprintf("Received advert from %s with lower priority %d, ours %d, forcing new election", a.Peer, a.Priority, a.Ours)
	case fsm.MsgLower:
		return fmt.Sprintf("Received advert from %s with lower priority %d, ours %d", a.Peer, a.Priority, a.Ours)
	case fsm.MsgSameAddress:
		return fmt.Sprintf("Received advert with our priority %d from our own address %s: another router is configured with it", a.Priority, a.Peer)
	case fsm.MsgDuplicateOwner:
		return fmt.Sprintf("%s claims to own the addresses too (priority 255): only one router may", a.Peer)
	case fsm.MsgRivalQuiet:
		return fmt.Sprintf("%s (priority %d) has stopped sending adverts, announcing the addresses again", a.Peer, a.Priority)
	case fsm.MsgInstallFailed:
		return "is MASTER without all of its addresses"
	case fsm.MsgResumed:
		return fmt.Sprintf("resuming MASTER after restart, last advert %s ago", a.For.Round(time.Millisecond))
	case fsm.MsgStalled:
		return fmt.Sprintf("the process did not run for %s", a.For.Round(time.Millisecond))
	case fsm.MsgStepDown:
		return fmt.Sprintf("stepping down for %s on request", a.For.Round(time.Millisecond))
	case fsm.MsgTimerExpired:
		return fmt.Sprintf("advert late by %s, another router has taken over", a.For.Round(time.Millisecond))
	}
	return fmt.Sprintf("message %d", a.Msg)
}

// causeOf is the reason for the state an instance is in, for status and events; ""
// when the message gives none.
func causeOf(a *fsm.Action, ev *fsm.Event, in *instance) string {
	switch a.Msg {
	case fsm.MsgReceiveTimeout:
		if in.mc.Owner() {
			return "owner of the addresses (priority 255)"
		}
		return "no advertisement received"
	case fsm.MsgHigherPriority:
		return fmt.Sprintf("advertisement from %s with higher priority %d", a.Peer, a.Priority)
	case fsm.MsgHigherAddress:
		return fmt.Sprintf("advertisement from %s with equal priority and higher address", a.Peer)
	case fsm.MsgResumed:
		return "resumed after a restart of the VRRP process"
	case fsm.MsgStepDown:
		return "stepped down on request"
	case fsm.MsgTimerExpired:
		return "own advertisement too late"
	case fsm.MsgEnteringBackupInit:
		return "start"
	case fsm.MsgEnteringMaster:
		if ev.Kind == fsm.EvGroupPull {
			return "sync group"
		}
	case fsm.MsgEnteringBackup:
		switch ev.Kind {
		case fsm.EvGroupPull:
			return "sync group"
		case fsm.EvRecovered:
			return "recovered"
		case fsm.EvStartup:
			return "start"
		}
	case fsm.MsgEnteringFault:
		if ev.Kind == fsm.EvGroupPull {
			return "sync group"
		}
		return in.causes.text()
	}
	return ""
}

// sixDecimals writes seconds as keepalived does: 3.000000.
func sixDecimals(d time.Duration) string {
	return fmt.Sprintf("%d.%06d", d/time.Second, d%time.Second/time.Microsecond)
}

// dropText is 2.2.7's line for a packet whose form is wrong.
func dropText(r wire.Drop, a *wire.Advert, c *fsm.Config) string {
	switch r {
	case wire.DropShort, wire.DropLength:
		const ipHeader = 20
		word := "short"
		if a.Length > a.ExpectedLength() {
			word = "long"
		}
		return fmt.Sprintf("vrrp packet too %s, length %d and expect %d", word, a.Length+ipHeader, a.ExpectedLength()+ipHeader)
	case wire.DropVersion:
		return fmt.Sprintf("wrong version. Received %d and expect %d", a.Version, c.Version)
	case wire.DropType:
		return fmt.Sprintf("Invalid packet type. %d and expect %d", a.Type, 1)
	case wire.DropChecksum:
		return fmt.Sprintf("Invalid VRRPv%d checksum", a.Version)
	case wire.DropAuthType:
		return fmt.Sprintf("Invalid auth type: %d", a.AuthType)
	}
	return fmt.Sprintf("advert from %s refused: %s (%s)", a.Source, r, r.Section())
}

// refusalText is 2.2.7's line for an advert that does not fit the configuration.
func refusalText(j *fsm.Judgement, a *wire.Advert) string {
	switch j.Refusal {
	case fsm.RefusedTTL:
		return fmt.Sprintf("invalid TTL/HL. Received %d and expect %d", j.Got, j.Want)
	case fsm.RefusedVersion:
		return fmt.Sprintf("wrong version. Received %d and expect %d", j.Got, j.Want)
	case fsm.RefusedAuthType:
		return fmt.Sprintf("received a %d auth, expecting %d!", j.Got, j.Want)
	case fsm.RefusedPassword:
		return "received an invalid passwd!"
	case fsm.RefusedInterval:
		return fmt.Sprintf("advertisement interval mismatch mine=%d sec rcv'd=%d sec", j.Want/int64(time.Second), j.Got/int64(time.Second))
	case fsm.RefusedPeer:
		return fmt.Sprintf("unicast source address %s not a unicast peer", a.Source)
	case fsm.RefusedUnicast:
		if a.Destination.IsMulticast() {
			return fmt.Sprintf("expected unicast packet but received multicast packet from %s", a.Source)
		}
		return fmt.Sprintf("expected multicast packet but received unicast packet from %s", a.Source)
	}
	return fmt.Sprintf("advert from %s refused: %s", a.Source, j.Refusal)
}

// mismatchText is 2.2.7's line for an address list that differs from ours.
func mismatchText(j *fsm.Judgement, p *fsm.Packet) string {
	if j.Mismatch == fsm.MismatchCount {
		return fmt.Sprintf("received an unexpected ip number count %d, expected %d!", j.Got, j.Want)
	}
	return fmt.Sprintf("ip address associated with VRID %d not present in MASTER advert: %s", p.VRID, p.Missing)
}
