package health

import "testing"

// The expected lines are 2.2.7's, taken from its log while the same happened in
// User-Mode Linux.

// TestObservedQuorum: quorum 2 of 1+2+1 with sorry server, the second with
// inhibit_on_failure, the third without checker.
func TestObservedQuorum(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	const name = "[10.0.0.100]:tcp:80"
	one, two := tcp(2), tcp(0)
	r.configure(vs(name, 2, rs("1", 1, one), inhibited(rs("2", 2, two)), rs("3", 1)).sorry("[10.0.0.5]:tcp:80", false))
	r.expect("start", r.said(), []string{
		"Gained quorum 2+0=2 <= 4 for VS [10.0.0.100]:tcp:80",
		"Activating healthchecker for service [10.0.0.1]:tcp:80 for VS [10.0.0.100]:tcp:80",
		"Activating healthchecker for service [10.0.0.2]:tcp:80 for VS [10.0.0.100]:tcp:80",
	})
	if got := r.wanted(name); got != "1=1 2=2 3=1" {
		t.Errorf("start: %s", got)
	}
	r.run(4 * sec)
	r.expect("first checks", r.said(), []string{
		"TCP connection to [10.0.0.1]:tcp:80 success.", "TCP connection to [10.0.0.2]:tcp:80 success."})
	r.down["2"] = true
	r.run(4 * sec)
	r.expect("server 2 dies", r.said(), []string{
		"TCP_CHECK on service [10.0.0.2]:tcp:80 failed.",
		"Disabling service [10.0.0.2]:tcp:80 of VS [10.0.0.100]:tcp:80"})
	if got := r.wanted(name); got != "1=1 2=0 3=1" {
		t.Errorf("server 2 down: %s", got)
	}
	r.down["1"] = true
	r.run(6 * sec)
	r.expect("server 1 dies", r.said(), []string{
		"TCP_CHECK on service [10.0.0.1]:tcp:80 failed after 2 retries.",
		"Removing service [10.0.0.1]:tcp:80 from VS [10.0.0.100]:tcp:80",
		"Lost quorum 2-0=2 > 1 for VS [10.0.0.100]:tcp:80",
		"Adding sorry server [10.0.0.5]:tcp:80 to VS [10.0.0.100]:tcp:80",
		"Removing alive servers from the pool for VS [10.0.0.100]:tcp:80"})
	if got := r.wanted(name); got != "2=0 sorry=1" {
		t.Errorf("all down: %s", got)
	}
	r.down["1"] = false
	r.run(3 * sec)
	r.expect("server 1 back", r.said(), []string{
		"TCP connection to [10.0.0.1]:tcp:80 success.",
		"Adding service [10.0.0.1]:tcp:80 to VS [10.0.0.100]:tcp:80",
		"Gained quorum 2+0=2 <= 2 for VS [10.0.0.100]:tcp:80",
		"Removing sorry server [10.0.0.5]:tcp:80 from VS [10.0.0.100]:tcp:80",
		"Adding alive servers to the pool for VS [10.0.0.100]:tcp:80"})
	if got := r.wanted(name); got != "1=1 2=0 3=1" {
		t.Errorf("one back: %s", got)
	}
	r.down["2"] = false
	r.run(3 * sec)
	r.expect("server 2 back", r.said(), []string{
		"TCP connection to [10.0.0.2]:tcp:80 success.",
		"Enabling service [10.0.0.2]:tcp:80 of VS [10.0.0.100]:tcp:80"})
	r.configure(vs(name, 2, rs("1", 1, one), inhibited(rs("2", 5, two)), rs("4", 1)).sorry("[10.0.0.5]:tcp:80", false))
	r.expect("reload", r.said(), []string{
		"service [10.0.0.3]:tcp:80 no longer exist",
		"Removing service [10.0.0.3]:tcp:80 from VS [10.0.0.100]:tcp:80",
		"Changing weight from 2 to 5 for active service [10.0.0.2]:tcp:80 of VS [10.0.0.100]:tcp:80"})
	if got := r.wanted(name); got != "1=1 2=5 4=1" {
		t.Errorf("reloaded: %s", got)
	}
	r.down["2"] = true
	r.run(2 * sec)
	r.said()
	r.d.Stop(&r.out)
	r.flush()
	r.expect("stop", r.said(), []string{
		"Shutting down service [10.0.0.1]:tcp:80 from VS [10.0.0.100]:tcp:80",
		"Shutting down (inhibited) service [10.0.0.2]:tcp:80 from VS [10.0.0.100]:tcp:80",
		"Shutting down service [10.0.0.4]:tcp:80 from VS [10.0.0.100]:tcp:80"})
	if got := r.wanted(name); got != "" {
		t.Errorf("stopped: %s", got)
	}
	r.expect("FIFO", r.fifo, []string{
		"VS [10.0.0.100]:tcp:80 UP", "RS [10.0.0.2]:tcp:80 [10.0.0.100]:tcp:80 DOWN",
		"RS [10.0.0.1]:tcp:80 [10.0.0.100]:tcp:80 DOWN", "VS [10.0.0.100]:tcp:80 DOWN",
		"RS [10.0.0.1]:tcp:80 [10.0.0.100]:tcp:80 UP", "VS [10.0.0.100]:tcp:80 UP", "RS [10.0.0.2]:tcp:80 [10.0.0.100]:tcp:80 UP",
		"RS [10.0.0.3]:tcp:80 [10.0.0.100]:tcp:80 DOWN", "RS [10.0.0.2]:tcp:80 [10.0.0.100]:tcp:80 DOWN"})
}

// TestObservedAlpha: alpha, omega, inhibit, sorry server always there.
func TestObservedAlpha(t *testing.T) {
	t.Parallel()
	const name = "[10.0.0.100]:tcp:3"
	r := newRig(t, Options{})
	c := vs(name, 1, inhibited(rs("1", 1, alpha(tcp(1)))), inhibited(rs("2", 1, alpha(tcp(1))))).sorry("[10.0.0.5]:tcp:0", true)
	c.Mail, c.Omega = true, true
	c.Servers[1].Mail = true
	r.down["2"] = true
	r.configure(c)
	r.expect("start", r.said()[:3], []string{
		"Starting with quorum down 1-0=1 > 0 for VS [10.0.0.100]:tcp:3",
		"Enabling sorry server [10.0.0.5]:tcp:0 to VS [10.0.0.100]:tcp:3",
		"Removing alive servers from the pool for VS [10.0.0.100]:tcp:3"})
	if got := r.wanted(name); got != "1=0 2=0 sorry=1" {
		t.Errorf("start: %s", got)
	}
	r.run(2 * sec)
	r.expect("first checks", r.about(name), []string{
		"Enabling service [10.0.0.1]:tcp:80 of VS [10.0.0.100]:tcp:3",
		"Gained quorum 1+0=1 <= 1 for VS [10.0.0.100]:tcp:3",
		"Disabling sorry server [10.0.0.5]:tcp:0 from VS [10.0.0.100]:tcp:3",
		"Adding alive servers to the pool for VS [10.0.0.100]:tcp:3"})
	if got := r.wanted(name); got != "1=1 2=0 sorry=0" {
		t.Errorf("one up: %s", got)
	}
	r.down["2"] = false
	r.run(2 * sec)
	r.down["1"] = true
	r.run(4 * sec)
	if got := r.wanted(name); got != "1=0 2=1 sorry=0" {
		t.Errorf("the other up: %s", got)
	}
	fifo := r.fifo
	r.fifo = nil
	r.d.Stop(&r.out)
	r.flush()
	r.expect("omega tells of what was up and of the service", r.fifo, []string{
		"RS [10.0.0.2]:tcp:80 [10.0.0.100]:tcp:3 DOWN", "VS [10.0.0.100]:tcp:3 DOWN"})
	if fifo[0] != "VS [10.0.0.100]:tcp:3 DOWN" || len(fifo) != 6 {
		t.Errorf("FIFO %q", fifo)
	}
	r.expect("mail: the first failure of an alpha checker is none", r.mail, []string{
		name + " DOWN true", name + " UP false", "[10.0.0.2]:tcp:80 UP"})
	if r.d.Next() < 1<<62 {
		t.Error("probes after the stop")
	}
}

// TestObservedSilentStart: alpha without sorry server starts down without a word; with
// omega the service is told down at stop all the same. Quorum 4 with hysteresis 2.
func TestObservedSilentStart(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	omega := vs("O", 1, rs("1", 1, tcp(0)))
	omega.Omega = true
	r.down["1"] = true
	r.configure(vs("A", 1, rs("2", 1, alpha(tcp(0)))), vs("H", 4, rs("2", 3, alpha(tcp(0))), rs("3", 1), rs("4", 4)).with(2), omega)
	r.expect("start", r.said()[:1], []string{"Gained quorum 1+0=1 <= 1 for VS O"})
	if got := r.wanted("A") + ", " + r.wanted("H"); got != ", 3=1 4=4" {
		t.Errorf("start: %s", got)
	}
	r.run(3 * sec)
	r.expect("A", r.about("VS A"), []string{"Adding service [10.0.0.2]:tcp:80 to VS A", "Gained quorum 1+0=1 <= 1 for VS A"})
	r.expect("H", r.about("VS H"), []string{"Adding service [10.0.0.2]:tcp:80 to VS H", "Gained quorum 4+2=6 <= 8 for VS H"})
	r.fifo = nil
	r.d.Stop(&r.out)
	r.flush()
	r.expect("omega", r.fifo, []string{"VS O DOWN"})
}

func (c ServiceConfig) with(hysteresis uint32) ServiceConfig { c.Hysteresis = hysteresis; return c }

// TestObservedMisc: weights of misc_dynamic and their effect on the quorum.
func TestObservedMisc(t *testing.T) {
	t.Parallel()
	const name = "[10.0.0.100]:tcp:80"
	misc := CheckerConfig{Kind: Misc, Interval: 2 * sec, RetryDelay: sec, Warmup: sec, Dynamic: true}
	plain := misc
	plain.Dynamic, plain.Retries, plain.LogAll = false, 1, true
	r := newRig(t, Options{})
	r.configure(vs(name, 3, rs("1", 3, misc), rs("2", 3, plain)))
	r.run(4 * sec)
	r.said()
	r.exit["1"], r.exit["2"] = 12, 1
	r.run(4 * sec)
	r.expect("exit 12, exit 1", r.said(), []string{
		"Changing weight from 3 to 10 for active service [10.0.0.1]:tcp:80 of VS [10.0.0.100]:tcp:80",
		"Misc check for [[10.0.0.2]:tcp:80 VS [10.0.0.100]:tcp:80] failed, will do 1 retry (exited with status 1).",
		"Misc check for [[10.0.0.2]:tcp:80 VS [10.0.0.100]:tcp:80] failed after 1 retries (exited with status 1).",
		"Removing service [10.0.0.2]:tcp:80 from VS [10.0.0.100]:tcp:80"})
	r.exit["1"] = 2
	r.run(2 * sec)
	r.expect("exit 2", r.said(), []string{
		"Changing weight from 10 to 0 for active service [10.0.0.1]:tcp:80 of VS [10.0.0.100]:tcp:80",
		"Lost quorum 3-0=3 > 0 for VS [10.0.0.100]:tcp:80"})
	if got := r.wanted(name); got != "1=0" {
		t.Errorf("weight 0: %s", got)
	}
	r.exit["1"] = 12
	r.run(2 * sec)
	r.said()
	r.exit["1"] = 1
	r.run(2 * sec)
	r.expect("what has failed has no weight, and that is not said", r.said(), []string{
		"Misc check for [[10.0.0.1]:tcp:80 VS [10.0.0.100]:tcp:80] failed with retry disabled (exited with status 1).",
		"Removing service [10.0.0.1]:tcp:80 from VS [10.0.0.100]:tcp:80",
		"Lost quorum 3-0=3 > 0 for VS [10.0.0.100]:tcp:80"})
	r.exit["1"] = 0
	r.run(2 * sec)
	if got := r.wanted(name); got != "1=3" {
		t.Errorf("back with the configured weight: %s", got)
	}
	r.exit["1"] = 12
	r.run(2 * sec)
	r.said()
	r.configure(vs(name, 3, rs("1", 3, misc), rs("2", 3, plain)))
	r.run(2 * sec)
	r.expect("a reload keeps the weight", r.said(), nil)
	if got := r.wanted(name); got != "1=10" {
		t.Errorf("after the reload: %s", got)
	}
}

// TestObservedMails: one per checker, or with no_checker_emails per real server.
func TestObservedMails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		o    Options
		want []string
	}{
		{Options{}, []string{"[10.0.0.1]:tcp:80 DOWN", "[10.0.0.1]:tcp:80 DOWN", "[10.0.0.1]:tcp:80 UP", "[10.0.0.1]:tcp:80 UP"}},
		{Options{NoCheckerMail: true}, []string{"[10.0.0.1]:tcp:80 DOWN", "[10.0.0.1]:tcp:80 UP"}},
	} {
		r := newRig(t, tt.o)
		a, b := tcp(0), tcp(0)
		b.Digest = 1
		one := rs("1", 1, a, b)
		one.Mail = true
		r.configure(vs("V", 1, one, rs("2", 1)))
		r.run(3 * sec)
		r.down["1"] = true
		r.run(3 * sec)
		r.down["1"] = false
		r.run(3 * sec)
		r.expect("mail", r.mail, tt.want)
	}
}

// TestMailOfOneChecker: with no_checker_emails the first checker's failure is the
// server's, the second's is none.
func TestMailOfOneChecker(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{NoCheckerMail: true})
	one := rs("1", 1, tcp(0), CheckerConfig{Kind: Misc, Interval: sec})
	one.Mail = true
	r.configure(vs("V", 1, one))
	r.run(3 * sec)
	r.exit["1"] = 1
	r.run(3 * sec)
	r.expect("one fails", r.mail, []string{"[10.0.0.1]:tcp:80 DOWN"})
	r.down["1"] = true
	r.run(3 * sec)
	r.exit["1"] = 0
	r.run(3 * sec)
	r.expect("the other fails, the first recovers", r.mail, []string{"[10.0.0.1]:tcp:80 DOWN"})
}

// TestThresholds: quorum 3, hysteresis 1, and services without any weight.
func TestThresholds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		quorum, hysteresis uint32
		total              int64
		gained, lost       bool
	}{
		{3, 1, 4, true, false}, {3, 1, 3, false, false}, {3, 1, 2, false, false}, {3, 1, 1, false, true}, {3, 1, 0, false, true},
		{1, 0, 1, true, false}, {1, 0, 0, false, true}, {0, 0, 0, false, true}, {0, 0, 1, true, false},
		{4294967295, 4294967294, 8589934589, true, false}, {4294967295, 4294967294, 8589934588, false, false},
	} {
		c := ServiceConfig{Quorum: tt.quorum, Hysteresis: tt.hysteresis}
		if g, l := c.gained(tt.total), c.lost(tt.total); g != tt.gained || l != tt.lost {
			t.Errorf("%d of %d±%d: gained %t, lost %t", tt.total, tt.quorum, tt.hysteresis, g, l)
		}
	}
}

// TestInitNotifies: rs_init_notifies tells of the servers that are up, at the start only.
func TestInitNotifies(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{InitNotifies: true})
	one := vs("V", 1, rs("1", 1), rs("2", 1, alpha(tcp(0))))
	r.configure(one)
	r.configure(one, vs("W", 1, rs("1", 1)))
	r.expect("FIFO", r.fifo, []string{"RS [10.0.0.1]:tcp:80 V UP", "VS V UP", "VS W UP"})
}
