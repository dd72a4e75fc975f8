package supervisor

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keepalived/core/config"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// twoParts is a configuration of a word for each child and one for both.
func twoParts(global, vrrp, checker string) Config {
	tree := &config.Tree{}
	for _, w := range []string{"global " + global, "vrrp " + vrrp, "checker " + checker} {
		kind, word, _ := strings.Cut(w, " ")
		tree.Roots = append(tree.Roots, &config.Node{Keyword: config.Word{Text: kind}, Args: []config.Word{{Text: word}}})
	}
	copy(tree.Digest[:], global+vrrp+checker)
	return Config{Tree: tree, Roles: []childapi.Role{childapi.VRRP, childapi.Checker}}
}

// partOf gives each child its word and the common one.
func partOf(t *config.Tree, role childapi.Role) *config.Tree {
	own := map[childapi.Role]string{childapi.VRRP: "vrrp", childapi.Checker: "checker"}[role]
	out := &config.Tree{}
	for _, n := range t.Roots {
		if n.Keyword.Text == "global" || n.Keyword.Text == own {
			out.Roots = append(out.Roots, n)
		}
	}
	return out
}

// partsRig starts a supervisor with two children that run twoParts("g", "v", "c").
func partsRig(t *testing.T) (r *rig, v, c *fakeSession) {
	t.Helper()
	r = newRig(t, func(o *Options) {
		o.Initial, o.Part = twoParts("g", "v", "c"), partOf
	})
	r.up(childapi.VRRP, childapi.Checker)
	r.log.take()
	return r, r.proc(childapi.VRRP).session, r.proc(childapi.Checker).session
}

// part is what a session was last sent.
func (x *fakeSession) sentPart() string {
	x.p.rig.t.Helper()
	tree, err := x.part.Tree()
	if err != nil {
		x.p.rig.t.Fatal(err)
	}
	var words []string
	for _, n := range tree.Roots {
		words = append(words, n.Args[0].Text)
	}
	return strings.Join(words, " ")
}

// through takes a reload to its end with children that agree.
func through(t *testing.T, r *rig, generation uint64, children ...*fakeSession) *pb.ReloadResponse {
	t.Helper()
	answer := r.reload(&reload{})
	return agree(t, answer, generation, children...)
}

func agree(t *testing.T, answer chan outcome, generation uint64, children ...*fakeSession) *pb.ReloadResponse {
	t.Helper()
	for _, x := range children {
		x.prepared(generation, 1)
	}
	for _, x := range children {
		x.readyAt(generation)
	}
	synctest.Wait()
	select {
	case o := <-answer:
		if o.err != nil || o.response.GetGeneration() != generation {
			t.Fatalf("outcome %v, %v", o.response, o.err)
		}
		return o.response
	default:
		t.Fatal("no outcome")
		return nil
	}
}

// TestChildrenAreSentTheirPart: at the start, and of a change nobody but whom it concerns.
func TestChildrenAreSentTheirPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := partsRig(t)
		if v.sentPart() != "g v" || c.sentPart() != "g c" {
			t.Errorf("at the start: VRRP %q, checker %q", v.sentPart(), c.sentPart())
		}
		generation := uint64(1)
		for _, step := range []struct {
			name, global, vrrp, checker string
			toVRRP, toChecker           string
		}{
			{"nothing has changed", "g", "v", "c", "same", "same"},
			{"nor the second time", "g", "v", "c", "same", "same"},
			{"a virtual server", "g", "v", "c2", "same", "g c2"},
			{"an instance", "g", "v2", "c2", "g v2", "same"},
			{"and back", "g", "v", "c2", "g v", "same"},
			{"global_defs", "G", "v", "c2", "G v", "G c2"},
			{"one octet", "G", "w", "c2", "G w", "same"},
		} {
			was := generation
			generation++
			r.set(func() { r.next = twoParts(step.global, step.vrrp, step.checker) })
			answer := r.reload(&reload{})
			for _, to := range []struct {
				x    *fakeSession
				want string
			}{{v, step.toVRRP}, {c, step.toChecker}} {
				want := "PREPARE " + string('0'+rune(generation))
				if to.want == "same" {
					want = "PREPARE =" + string('0'+rune(was)) + " " + string('0'+rune(generation))
				}
				wantSaid(t, step.name+": "+to.x.p.role.String(), to.x, want)
				if to.want != "same" && to.x.sentPart() != to.want {
					t.Errorf("%s: %v was sent %q, want %q", step.name, to.x.p.role, to.x.sentPart(), to.want)
				}
			}
			agree(t, answer, generation, v, c)
			v.said()
			c.said()
		}
		r.stop()
	})
}

// TestTreeIsWanted: a child that cannot do without the tree is sent it, in a reload and in
// a trial, and only while its answer is awaited.
func TestTreeIsWanted(t *testing.T) {
	wants := func(x *fakeSession, g uint64) {
		x.report(&pb.ReportRequest{Report: &pb.ReportRequest_TreeWanted{TreeWanted: &pb.TreeWanted{Generation: g}}})
	}
	synctest.Test(t, func(t *testing.T) {
		r, v, c := partsRig(t)
		r.set(func() { r.next = twoParts("g", "v", "c") })
		answer := r.reload(&reload{})
		wants(v, 1) // of no reload that there is
		wantSaid(t, "VRRP", v, "PREPARE =1 2")
		v.part = nil
		wants(v, 2)
		wantSaid(t, "VRRP", v, "PREPARE 2")
		if v.sentPart() != "g v" {
			t.Errorf("sent %q", v.sentPart())
		}
		wantSaid(t, "checker", c, "PREPARE =1 2")
		c.prepared(2, 1)
		if len(answer) != 0 {
			t.Error("applied without the child that looks at the tree")
		}
		v.prepared(2, 1)
		wants(v, 2) // too late
		wantSaid(t, "VRRP", v, "COMMIT 2")
		v.readyAt(2)
		c.readyAt(2)
		if o := <-answer; o.err != nil {
			t.Error(o.err)
		}
		c.said()

		answer = r.reload(&reload{trial: true})
		wants(c, 3)
		wantSaid(t, "checker", c, "TRIAL =2 3, TRIAL 3")
		c.refused(3, "the script is gone")
		if got := refusal(t, answer); !strings.Contains(got.Reason, "the script is gone") {
			t.Errorf("reason %q", got.Reason)
		}
		wantSaid(t, "VRRP", v, "TRIAL =2 3, ABORT 3")
		wants(c, 3)
		wantSaid(t, "checker", c, "ABORT 3")
		// Generation 2 is in force all the same, and 3 was nobody's.
		answer = r.reload(&reload{})
		wantSaid(t, "checker", c, "PREPARE =2 4")
		wantSaid(t, "VRRP", v, "PREPARE =2 4")
		agree(t, answer, 4, v, c)
		r.stop()
	})
}

// TestSameAfterRefusal: what was refused is in force nowhere, neither by the parent's
// reckoning nor by the children's.
func TestSameAfterRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := partsRig(t)
		r.set(func() { r.next = twoParts("g", "bad", "c2") })
		answer := r.reload(&reload{})
		c.prepared(2, 0)
		v.refused(2, "no interface")
		refusal(t, answer)
		v.said()
		c.said()
		answer = r.reload(&reload{}) // the same file again: still not what anybody has
		wantSaid(t, "VRRP", v, "PREPARE 3")
		wantSaid(t, "checker", c, "PREPARE 3")
		v.refused(3, "no interface")
		refusal(t, answer)
		v.said()
		c.said()
		r.set(func() { r.next = twoParts("g", "v", "c") })
		answer = r.reload(&reload{})
		wantSaid(t, "VRRP", v, "PREPARE =1 4")
		wantSaid(t, "checker", c, "PREPARE =1 4")
		agree(t, answer, 4, v, c)
		r.stop()
	})
}

// TestSameAfterCrash: a new process is given its part once and then has it; a process
// that dies while it is told "the same" refuses, as with a tree.
func TestSameAfterCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := partsRig(t)
		r.set(func() { r.next = twoParts("g", "v", "c") })
		through(t, r, 2, v, c)
		c.p.crash(ending{signal: 9})
		c = r.proc(childapi.Checker).connect(0)
		wantSaid(t, "the new checker", c, "FIRST 2, COMMIT 2")
		if c.sentPart() != "g c" {
			t.Errorf("sent %q", c.sentPart())
		}
		// It has not said that it runs: the reload waits for it.
		answer := r.reload(&reload{})
		wantSaid(t, "the new checker", c, "")
		c.readyAt(2)
		wantSaid(t, "the new checker", c, "PREPARE =2 3")
		agree(t, answer, 3, v, c)
		v.said()

		answer = r.reload(&reload{})
		wantSaid(t, "VRRP", v, "PREPARE =3 4")
		v.p.crash(ending{signal: 9})
		refusal(t, answer)
		time.Sleep(time.Second)
		v = r.proc(childapi.VRRP).connect(0)
		wantSaid(t, "the new VRRP child", v, "FIRST 3, COMMIT 3")
		r.stop()
	})
}

// TestSameIsOfWhatTheChildRuns: a child that could not follow is sent the tree, however
// little the file has changed since.
func TestSameIsOfWhatTheChildRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := partsRig(t)
		r.set(func() { r.next = twoParts("g", "v2", "c") })
		answer := r.reload(&reload{})
		v.prepared(2, 0)
		c.prepared(2, 0)
		c.readyAt(2)
		v.hangUp() // its COMMIT is lost
		v = v.p.connect(1)
		wantSaid(t, "VRRP", v, "PREPARE 2, COMMIT 2")
		v.refused(2, "the interface is gone meanwhile")
		time.Sleep(commitLimit + time.Second)
		if o := <-answer; o.err != nil {
			t.Fatal(o.err)
		}
		c.said()
		answer = r.reload(&reload{})
		wantSaid(t, "VRRP, which runs generation 1,", v, "PREPARE 3")
		wantSaid(t, "checker", c, "PREPARE =2 3")
		agree(t, answer, 3, v, c)
		v.said()
		answer = r.reload(&reload{})
		wantSaid(t, "VRRP", v, "PREPARE =3 4")
		agree(t, answer, 4, v, c)
		r.stop()
	})
}

// TestSameWithReloadsQueued: signals during a reload are one reload afterwards, held
// against what is in force by then.
func TestSameWithReloadsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := partsRig(t)
		r.set(func() { r.next = twoParts("g", "v", "c2") })
		answer := r.reload(&reload{})
		for range 5 {
			r.s.post(func() { r.s.signalled(syscall.SIGHUP) })
		}
		wantSaid(t, "checker", c, "PREPARE 2")
		agree(t, answer, 2, v, c)
		wantSaid(t, "checker", c, "COMMIT 2, PREPARE =2 3")
		wantSaid(t, "VRRP", v, "PREPARE =1 2, COMMIT 2, PREPARE =2 3")
		v.prepared(3, 0)
		c.prepared(3, 0)
		v.readyAt(3)
		c.readyAt(3)
		if n := r.generation(); n != 3 {
			t.Errorf("generation %d", n)
		}
		r.stop()
	})
}
