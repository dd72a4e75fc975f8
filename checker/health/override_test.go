package health

import "testing"

// TestOverride: what an operator sets, and what becomes of it.
func TestOverride(t *testing.T) {
	t.Parallel()
	drain, disable := Override{Mode: Draining}, Override{Mode: Disabled}
	weight := Override{Weight: 7, HasWeight: true}
	cases := []struct {
		name string
		o    Override
		in   bool // inhibit_on_failure
		down bool // the server itself
		want string
	}{
		{"drain", drain, false, false, "1=0 2=1"},
		{"drain of what is down", drain, false, true, "2=1"},
		{"disable", disable, false, false, "2=1"},
		{"disable with inhibit_on_failure", disable, true, false, "1=0 2=1"},
		{"weight", weight, false, false, "1=7 2=1"},
		{"weight 0", Override{HasWeight: true}, false, false, "1=0 2=1"},
		{"weight of what is down", weight, false, true, "2=1"},
		{"drain with a weight", Override{Mode: Draining, Weight: 7, HasWeight: true}, false, false, "1=0 2=1"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			r.down["1"] = tt.down
			one := rs("1", 3, tcp(0))
			one.Inhibit = tt.in
			c := vs("V", 1, one, rs("2", 1))
			r.configure(c)
			r.run(3 * sec)
			before := r.wanted("V")
			r.fifo = nil
			check := func(when, want string) {
				t.Helper()
				if got := r.wanted("V"); got != want {
					t.Errorf("%s: %s, want %s", when, got, want)
				}
			}
			if !r.d.Override("V", "1", tt.o, &r.out) {
				t.Fatal("no such server")
			}
			r.flush()
			check("at once", tt.want)
			r.run(5 * sec)
			check("after checks", tt.want)
			c = vs("V", 1, one, rs("2", 1), rs("3", 0))
			r.configure(c)
			check("after a reload", tt.want+" 3=0")
			again := newRig(t, Options{})
			again.down["1"] = tt.down
			again.d.Resume(r.d.Records())
			again.d.Preset("V", "1", tt.o)
			again.configure(c)
			check = func(when, want string) {
				t.Helper()
				if got := again.wanted("V"); got != want {
					t.Errorf("%s: %s, want %s", when, got, want)
				}
			}
			check("in the next process", tt.want+" 3=0")
			again.run(5 * sec)
			check("and after its checks", tt.want+" 3=0")
			r.d.Override("V", "1", Override{}, &r.out)
			r.flush()
			if got := r.wanted("V"); got != before+" 3=0" {
				t.Errorf("undone: %s, want %s", got, before)
			}
			r.expect("no script of the server is run", r.fifo, nil)
		})
	}
}

// TestOverrideQuorum: the quorum takes notice; a drained server stays beside the sorry
// server until its connections have ended.
func TestOverrideQuorum(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.configure(vs("V", 2, rs("1", 1, tcp(0)), rs("2", 1, tcp(0))).sorry("S", false))
	r.fifo = nil
	r.said()
	r.d.Override("V", "1", Override{Mode: Draining}, &r.out)
	r.flush()
	r.expect("drain", r.said(), []string{
		"own " + num(MsgDrain) + " [10.0.0.1]:tcp:80 V", "Lost quorum 2-0=2 > 1 for VS V",
		"Adding sorry server S to VS V", "Removing alive servers from the pool for VS V"})
	if got := r.wanted("V"); got != "1=0 sorry=1" {
		t.Errorf("drained: %s", got)
	}
	r.d.Override("V", "1", Override{Mode: Disabled}, &r.out)
	r.flush()
	if got := r.wanted("V"); got != "sorry=1" {
		t.Errorf("disabled: %s", got)
	}
	r.d.Override("V", "1", Override{HasWeight: true, Weight: 5}, &r.out)
	r.flush()
	if got := r.wanted("V"); got != "1=5 2=1" {
		t.Errorf("enabled with weight 5: %s", got)
	}
	r.expect("FIFO", r.fifo, []string{"VS V DOWN", "VS V UP"})
	r.said()
	r.d.Override("V", "1", Override{HasWeight: true, Weight: 5}, &r.out)
	if r.out.Len() != 0 {
		t.Error("the same once more does something")
	}
	if r.d.Override("V", "9", Override{}, &r.out) || r.d.Override("W", "1", Override{}, &r.out) {
		t.Error("an override of nothing")
	}
	r.configure(vs("V", 1, rs("2", 1, tcp(0))))
	r.expect("the server leaves the configuration", r.said()[2:3], []string{"own " + num(MsgOverrideGone) + " [10.0.0.1]:tcp:80 V"})
}

func num(m Msg) string { return string(rune('0'+m/10)) + string(rune('0'+m%10)) }
