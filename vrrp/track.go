package vrrp

import (
	"fmt"
	"slices"
	"time"

	"keepalived/core/clock"
	"keepalived/core/loop"
	"keepalived/core/script"
	"keepalived/core/track"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/vrrpcfg"
)

// trackKind is what kind of thing is tracked.
type trackKind uint8

const (
	trackInterface trackKind = iota
	trackScriptKind
)

// trackRef is one thing an instance tracks, itself or through its sync group.
type trackRef struct {
	kind   trackKind
	name   string
	weight track.Weight
	script *trackScript
	group  bool // tracked through the sync group alone
	static bool // only because a static entry is there
}

// trackScript is a vrrp_script that somebody tracks.
type trackScript struct {
	cfg       *vrrpcfg.Script
	ready     *script.Script
	run       int32 // the number of all its runs: of two at a time the second is refused
	timer     loop.Timer
	counter   track.Counter
	running   bool
	cancelled bool // removed by a reload while it runs
	started   time.Time
	took      time.Duration
	exit      int
	said      int // the exit status that was logged last
	timedOut  bool
	since     time.Time
	last      script.Result
	nextAt    clock.Instant
}

// good is the standing that counts: before the first result it is init_fail's.
func (s *trackScript) good() bool { return s.counter.Good(s.cfg.Rise) }

// pending: the script has not returned yet and nothing is assumed of it.
func (s *trackScript) pending() bool { return !s.counter.Seen() && !s.cfg.InitFail }

// interval is how far apart two starts are.
func (s *trackScript) limit() time.Duration {
	if s.cfg.Timeout > 0 {
		return s.cfg.Timeout
	}
	return s.cfg.Interval
}

// startScript runs a tracking script now, unless its last run is still under way.
func (d *daemon) startScript(now clock.Instant, s *trackScript) {
	s.nextAt = s.nextAt.Add(s.cfg.Interval)
	if s.nextAt <= now {
		s.nextAt = now.Add(s.cfg.Interval)
	}
	s.timer.Set(s.nextAt)
	if s.running {
		d.info(fmt.Sprintf("Track script %s is already running, expect idle - skipping run", s.cfg.Name))
		return
	}
	s.running, s.started = true, time.Now()
	d.runner.Start(s.ready.Command(s.run, s.limit()))
}

// trackDone is the end of a tracking script's run.
func (d *daemon) trackDone(now clock.Instant, s *trackScript, r script.Result) {
	s.running, s.last, s.took = false, r, r.Took
	if s.cancelled {
		delete(d.tracking, s.run)
		return
	}
	if r.Cancelled {
		return
	}
	exit := r.Exit
	if r.Signal != 0 {
		exit = -int(r.Signal)
	}
	first := !s.counter.Seen()
	if !r.TimedOut && exit != s.said {
		s.said = exit
		d.info(fmt.Sprintf("Script `%s` now returning %d", s.cfg.Name, exit))
	}
	s.exit, s.timedOut = exit, r.TimedOut
	var res track.Result
	s.counter, res = s.counter.Next(s.cfg.Rise, s.cfg.Fall, r.OK())
	if !res.Changed {
		return
	}
	s.since = time.Now()
	d.info(scriptText(s, res.Good))
	d.reportScript(s, first)
	for _, in := range d.instances {
		for i := range in.track {
			if in.track[i].script == s {
				d.evaluate(now, in)
				d.settleGroup(now, in.group)
				break
			}
		}
	}
}

func scriptText(s *trackScript, good bool) string {
	switch {
	case good:
		return fmt.Sprintf("VRRP_Script(%s) succeeded", s.cfg.Name)
	case s.timedOut:
		return fmt.Sprintf("VRRP_Script(%s) timed_out", s.cfg.Name)
	case s.last.Err != nil:
		return fmt.Sprintf("VRRP_Script(%s) failed (%v)", s.cfg.Name, s.last.Err)
	case s.exit < 0:
		return fmt.Sprintf("VRRP_Script(%s) failed (due to signal %d)", s.cfg.Name, -s.exit)
	}
	return fmt.Sprintf("VRRP_Script(%s) failed (exited with status %d)", s.cfg.Name, s.exit)
}

// evaluate looks at everything an instance depends on and steps what differs: causes
// first, because a faulted instance's priority matters to nobody.
func (d *daemon) evaluate(now clock.Instant, in *instance) {
	set, total := d.standing(in)
	old := in.causes
	set.keepSince(&old, time.Now())
	in.causes, in.weights = set, total
	if !in.st.Started {
		return
	}
	if begun := set.kinds &^ old.kinds; begun != 0 {
		d.step(now, in, fsm.Event{Kind: fsm.EvImpaired, Causes: begun})
	}
	if ended := old.kinds &^ set.kinds; ended != 0 {
		d.step(now, in, fsm.Event{Kind: fsm.EvRecovered, Causes: ended})
	}
	if p := track.Priority(in.cfg.Election.Priority, total); p != in.st.Priority {
		d.step(now, in, fsm.Event{Kind: fsm.EvPriorityChanged, Priority: p})
	}
}

// standing computes causes and the sum of the weights from what is known now.
func (d *daemon) standing(in *instance) (causeSet, int) {
	var set causeSet
	d.linkCauses(in, &set)
	total := 0
	for i := range in.track {
		t := &in.track[i]
		e, known := d.effectOf(t)
		total += e.Delta
		switch {
		case !known && t.weight.Value == 0:
			set.add(fsm.CauseInit, "script", t.name+" has not run yet")
		case !e.Fault:
		case t.kind == trackInterface:
			set.add(fsm.CauseTrackedInterface, "interface", t.name+" down")
		default:
			set.add(fsm.CauseScript, "script", t.name+" failed")
		}
	}
	return set, total
}

// effectOf is what one tracked object contributes; known is false for a script that
// has not returned yet.
func (d *daemon) effectOf(t *trackRef) (e track.Effect, known bool) {
	if t.kind == trackInterface {
		return t.weight.Of(d.linkUp(t.name)), true
	}
	if t.script.pending() {
		return track.Effect{}, false
	}
	return t.weight.Of(t.script.good()), true
}

// trackRefs joins what an instance tracks itself and through its group. What both name
// counts once: as a fault when either has no weight, else with the weight of the group. The
// interface of an address, route, rule or static entry is a fault when it fails, whatever
// else was said of it (all observed on 2.2.7).
func (d *daemon) trackRefs(cfg *vrrpcfg.Instance, groups []*vrrpcfg.Group) []trackRef {
	var refs []trackRef
	add := func(t *vrrpcfg.Track, group bool) {
		for _, i := range t.Interfaces {
			if group && i.Name == cfg.Identity.Interface && !cfg.Track.NoPrimary {
				continue // a fault already
			}
			refs = addRef(refs, trackRef{kind: trackInterface, name: i.Name, weight: track.Weight{Value: i.Weight, Reverse: i.Reverse}, group: group})
		}
		for _, s := range t.Scripts {
			if ts := d.byScript[s.Name]; ts != nil {
				refs = addRef(refs, trackRef{kind: trackScriptKind, name: s.Name, weight: track.Weight{Value: s.Weight, Reverse: s.Reverse}, script: ts, group: group})
			}
		}
	}
	add(&cfg.Track, false)
	for _, g := range groups {
		if g.Name == cfg.Group {
			add(&g.Track, true)
		}
	}
	device := func(name string, static bool) {
		if name == cfg.Identity.Interface && !cfg.Track.NoPrimary {
			return // a fault already
		}
		refs = addRef(refs, trackRef{kind: trackInterface, name: name, static: static})
	}
	for _, name := range cfg.Devices() {
		device(name, false)
	}
	for _, e := range d.cfg.StaticDevices() {
		if slices.Contains(e.Instances, cfg.Name) {
			device(e.Device, true)
		}
	}
	return refs
}

func addRef(refs []trackRef, r trackRef) []trackRef {
	for i := range refs {
		if old := &refs[i]; old.kind == r.kind && old.name == r.name {
			old.group, old.static = old.group && r.group, old.static || old.group && r.static
			if old.weight.Value != 0 {
				old.weight = r.weight
			}
			return refs
		}
	}
	return append(refs, r)
}

// tracked is the reference to an interface, nil when it is not tracked.
func (in *instance) tracked(name string) *trackRef {
	for i := range in.track {
		if t := &in.track[i]; t.kind == trackInterface && t.name == name {
			return t
		}
	}
	return nil
}
