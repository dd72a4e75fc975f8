package snapshot

import (
	"strings"
	"time"

	"keepalived/core/dump"
)

// File is a track_file that somebody tracks.
type File struct {
	Name    string
	Path    string
	Status  int // the number that was read from it; 0 before
	Weight  int
	Reverse bool
	Users   []ScriptUser
}

// ParamMatch is how the parameters of a tracked process are compared.
type ParamMatch uint8

// The ways of a comparison.
const (
	MatchNone ParamMatch = iota // the name alone counts
	MatchExact
	MatchInitial
	MatchPartial
)

// Process is a vrrp_track_process.
type Process struct {
	Name                      string
	Path                      string
	Params                    []string
	Match                     ParamMatch
	Min, Max                  int
	Limited                   bool // there is a Max
	Current                   int  // processes that run
	Weight                    int
	Reverse                   bool
	TerminateDelay, ForkDelay time.Duration
	FullCommand               bool
	Users                     []ScriptUser
}

// BFD is a bfd_instance that VRRP hears of.
type BFD struct {
	Name    string
	Weight  int
	Reverse bool
	Up      bool
	Users   []ScriptUser
}

// GARPGroup is a garp_group, or the pace that the global settings give an interface.
type GARPGroup struct {
	Number     int // of an aggregation group; 0: each interface by itself
	GARP, NA   Pace
	Interfaces []string
}

// Pace is the interval between two announcements of one kind.
type Pace struct {
	Set      bool
	Interval time.Duration
	Next     dump.Wall // when the next one may go: the epoch before the first
}

// objectsText writes what stands between scripts and interfaces.
func (s *Snapshot) objectsText(w *dump.Writer) {
	if len(s.Files) > 0 {
		w.Section("VRRP Track files")
	}
	for i := range s.Files {
		s.Files[i].text(w)
	}
	if len(s.Processes) > 0 {
		w.Section("VRRP Track processes")
	}
	for i := range s.Processes {
		s.Processes[i].text(w)
	}
	if len(s.BFDs) > 0 {
		w.Section("VRRP Track BFDs")
	}
	for i := range s.BFDs {
		s.BFDs[i].text(w)
	}
}

func (f *File) text(w *dump.Writer) {
	w.Line(1, "Track file = %s", f.Name)
	w.Line(3, "File = %s", f.Path)
	w.Line(3, "Status = %d", f.Status)
	w.Line(3, "Weight = %d%s", f.Weight, reverse(f.Reverse))
	usersText(w, f.Users)
}

func (p *Process) text(w *dump.Writer) {
	w.Line(1, "VRRP Track process = %s", p.Name)
	w.Line(3, "Process = %s", p.Path)
	if len(p.Params) > 0 {
		w.Line(3, "Parameters = %s", strings.Join(p.Params, " "))
	}
	if p.Match != MatchNone {
		w.Line(3, "Param match%s", [...]string{MatchExact: "", MatchInitial: " = initial", MatchPartial: " = partial"}[p.Match])
	}
	w.Line(3, "Min processes = %d", p.Min)
	if p.Limited {
		w.Line(3, "Max processes = %d", p.Max)
	}
	w.Line(3, "Current processes = %d", p.Current)
	w.Line(3, "Have quorum = %t", p.Current >= p.Min && (!p.Limited || p.Current <= p.Max))
	w.Line(3, "Weight = %d%s", p.Weight, reverse(p.Reverse))
	w.Line(3, "Terminate delay = %.6fs", p.TerminateDelay.Seconds())
	w.Line(3, "Fork delay = %.6fs", p.ForkDelay.Seconds())
	w.Line(3, "Fork delay timer not running")
	w.Line(3, "Terminate delay timer not running")
	w.Line(3, "Full command = %t", p.FullCommand)
	usersText(w, p.Users)
}

func (b *BFD) text(w *dump.Writer) {
	w.Line(1, "VRRP Track BFD = %s", b.Name)
	w.Line(3, "Weight = %d%s", b.Weight, reverse(b.Reverse))
	w.Line(3, "Bfd is %s", dump.OnOff(b.Up, "up", "down"))
	w.Line(3, "Tracking VRRP instances :") // 2.2.7 has this title and nothing below it
	usersText(w, b.Users)
}

func usersText(w *dump.Writer, users []ScriptUser) {
	if len(users) > 0 {
		w.Line(3, "Tracking instances :")
	}
	for _, u := range users {
		w.Line(5, "%s, weight %d%s", u.Instance, u.Weight, reverse(u.Reverse))
	}
}

// garpText writes the section of the garp_groups, which comes before all others.
func (s *Snapshot) garpText(w *dump.Writer) {
	if len(s.GARPGroups) > 0 {
		w.Section("Gratuitous ARP delays")
	}
	for i := range s.GARPGroups {
		g := &s.GARPGroups[i]
		w.Line(0, "------< GARP delay group %d >------", g.Number)
		g.GARP.text(w, "GARP")
		g.NA.text(w, "GNA")
		w.Line(1, "Interfaces")
		for _, name := range g.Interfaces {
			w.Line(2, "%s", name)
		}
	}
}

func (p *Pace) text(w *dump.Writer, kind string) {
	if !p.Set {
		return
	}
	w.Line(1, "%s interval = %.6g", kind, p.Interval.Seconds())
	w.Line(1, "%s next time %s", kind, p.Next.StampOfYear())
}

// paceText writes the pace of an interface.
func (i *Interface) paceText(w *dump.Writer) {
	g := i.GARP
	if g == nil {
		return
	}
	if g.GARP.Set {
		w.Line(3, "Gratuitous ARP interval %dms", g.GARP.Interval.Milliseconds())
	}
	if g.NA.Set {
		w.Line(3, "Gratuitous NA interval %dms", g.NA.Interval.Milliseconds())
	}
	if g.Number > 0 {
		w.Line(3, "Gratuitous ARP aggregation group %d", g.Number)
	}
}

// TrackedObjects are what an instance or a group tracks besides interfaces and scripts.
type TrackedObjects struct {
	Files, Processes, BFDs []Tracked
}

// text: the title of processes is another in a group, the punctuation that of each kind.
func (o *TrackedObjects) text(w *dump.Writer, processes string) {
	for _, l := range []struct {
		title, form string
		list        []Tracked
	}{
		{"Tracked files :", "%s, weight %d%s", o.Files},
		{processes, "%s, weight %d%s", o.Processes},
		{"Tracked BFDs :", "%s: weight %d%s", o.BFDs},
	} {
		if len(l.list) > 0 {
			w.Line(3, "%s", l.title)
		}
		for _, t := range l.list {
			w.Line(5, l.form, t.Name, t.Weight, reverse(t.Reverse))
		}
	}
}

func reverse(r bool) string { return dump.OnOff(r, " reverse", "") }
