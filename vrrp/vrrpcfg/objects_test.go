package vrrpcfg

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// What 2.2.7 makes of two lines about the number of processes that contradict each other.
func TestProcessQuorum(t *testing.T) {
	t.Parallel()
	const tooLarge, tooSmall = "Quorum is greater than quorum_max - ignoring", "quorum_max is less than quorum - ignoring"
	for _, c := range []struct {
		lines       string
		quorum, max int
		say         []string
	}{
		{"", 1, NoQuorumMax, nil},
		{"quorum 5\nquorum_max 5", 5, 5, nil},
		{"quorum 5\nquorum_max 3", 5, NoQuorumMax, []string{tooSmall}},
		{"quorum_max 3\nquorum 5", 1, 3, []string{tooLarge}},
		{"quorum_max 0", 0, 0, nil},
		{"quorum 1\nquorum_max 0", 0, 0, nil},
		{"quorum_max 0\nquorum 1", 0, 0, []string{tooLarge}},
		{"quorum 2\nquorum_max 0", 2, NoQuorumMax, []string{tooSmall}},
		{"quorum_max 0\nquorum_max 5", 1, 5, nil},
	} {
		cfg, diags := load(t, "vrrp_track_process P {\nprocess p\n"+c.lines+"\n}\n"+instance("V", ""))
		p := cfg.Processes[0]
		if p.Quorum != c.quorum || p.QuorumMax != c.max || !slices.Equal(said(diags), c.say) {
			t.Errorf("%q: %d to %d, %q; want %d to %d, %q", c.lines, p.Quorum, p.QuorumMax, said(diags), c.quorum, c.max, c.say)
		}
	}
}

// Delays end before a backup takes over; a time out of range drops the line, a word that
// is no number is 0.
func TestDelays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lines, settings string
		down, up        time.Duration
	}{
		{"eth0 1.5 0.5", "", 1500 * time.Millisecond, 500 * time.Millisecond},
		{"eth0 100 200", "", 1996094 * time.Microsecond, 1996094 * time.Microsecond},
		{"eth0 100 1", "advert_int 2", 3992188 * time.Microsecond, time.Second},
		{"eth0 100", "down_timer_adverts 5", 3996094 * time.Microsecond, 0},
		{"eth0 100", "version 3\nadvert_int 0.05", 99805 * time.Microsecond, 0},
		{"eth0 0.1 0.1", "down_timer_adverts 1", 0, 0},
		{"eth0 1 1.5\neth0 0.5", "", 500 * time.Millisecond, 0},
		{"eth0 256 1", "", 0, 0},
		{"eth0 1 256", "", 0, 0},
		{"eth0 -1 1", "", 0, 0},
		{"eth0 abc 1", "", 0, time.Second},
	} {
		cfg, _ := load(t, "interface_up_down_delays {\n"+c.lines+"\n}\n"+instance("V", c.settings))
		var got Delay
		for _, l := range cfg.Delays {
			got = l
		}
		if len(cfg.Delays) > 1 || got.Down != c.down || got.Up != c.up {
			t.Errorf("%q with %q: %d lines, %v and %v, want %v and %v", c.lines, c.settings, len(cfg.Delays), got.Down, got.Up, c.down, c.up)
		}
	}
}

// Groups that have their interfaces in common are numbered; what is named and need not be
// there is known in the order of the file.
func TestGARPGroups(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, "global_defs {\ndynamic_interfaces\n}\ngarp_group {\ngarp_interval 0\ninterface z1\n}\n"+
		"garp_group {\ninterfaces {\nz2\n}\n}\n"+ // without an interval: dropped, and not counted
		"garp_group {\ngna_interval 1\ninterfaces {\nz3\nz1\n}\ninterface z4\n}\n"+instance("V", "track_interface {\nz5\n}"))
	var got []string
	for _, g := range cfg.GARPGroups {
		got = append(got, fmt.Sprint(g.Number, g.IntervalSet, g.NAIntervalSet, g.Interfaces))
	}
	if want := []string{"0 true false [z1]", "1 false true [z3 z4]"}; !slices.Equal(got, want) {
		t.Errorf("groups %q, want %q", got, want)
	}
	if want := []string{"z1", "z2", "z3", "z4", "eth0", "z5"}; !slices.Equal(cfg.Links, want) {
		t.Errorf("interfaces %q, want %q", cfg.Links, want)
	}
}

// The first bfd_instance of a name counts, and not one for checkers alone.
func TestBFDs(t *testing.T) {
	t.Parallel()
	twice := "bfd_instance B {\nneighbor_ip 10.9.9.9\nweight 4 reverse\n}\nbfd_instance B {\nweight 5\n}\n"
	cfg, diags := load(t, twice+instance("V", "track_bfd {\nB\n}"))
	if len(cfg.BFDs) != 1 || *cfg.BFDs[0] != (BFD{Name: "B", Weight: 4, Reverse: true}) || cfg.Instances[0].Track.BFDs[0].Weight != 4 {
		t.Errorf("sessions %+v, %v", cfg.BFDs[0], diags)
	}
}
