package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"keepalived/core/clock"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
	"keepalived/rpc/childapi"
)

const (
	normal   = pb.ServerMode_SERVER_MODE_NORMAL
	draining = pb.ServerMode_SERVER_MODE_DRAINING
	disabled = pb.ServerMode_SERVER_MODE_DISABLED
)

// kid answers SetServerCommand as a healthchecker child does: it knows the servers 1
// and 2 of the service V.
type kid struct {
	commands  []*pb.SetServerCommand
	overrides map[string]*pb.ServerOverride
	before    func(*pb.ServerOverride) // what happens before the answer is sent
}

func newKid(x *fakeSession) *kid {
	k := &kid{overrides: map[string]*pb.ServerOverride{}}
	for _, v := range x.memory.Overrides {
		k.overrides[v.GetServer()] = v
	}
	x.answers(func(_ context.Context, c *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
		cmd := c.GetSetServer()
		if cmd == nil {
			return nil
		}
		k.commands = append(k.commands, cmd)
		v := proto.Clone(cmd.GetOverride()).(*pb.ServerOverride)
		if v.GetService() != "V" || v.GetServer() != "1" && v.GetServer() != "2" {
			return &childapi.NotFoundError{Text: "there is no " + v.GetServer()}
		}
		old := k.overrides[v.GetServer()]
		if cmd.GetKeepMode() && old != nil {
			v.Mode, v.Until, v.UntilInstant = old.GetMode(), old.GetUntil(), old.GetUntilInstant()
		}
		if cmd.GetKeepWeight() && old != nil {
			v.Weight = old.Weight
		}
		v.ServiceName, v.ServerName = "[V]", "[1]"
		k.overrides[v.GetServer()] = v
		if k.before != nil {
			k.before(v)
		}
		return each(&pb.ServeRequest{Answer: &pb.ServeRequest_Override{Override: v}})
	})
	return k
}

func drainOf(server string, limit time.Duration) *pb.SetRealServerRequest {
	return &pb.SetRealServerRequest{Service: "V", Server: server, Why: "update", Action: &pb.SetRealServerRequest_Drain{
		Drain: &pb.Drain{Timeout: durationpb.New(limit)}}}
}

func disable(server string) *pb.SetRealServerRequest {
	return &pb.SetRealServerRequest{Service: "V", Server: server, Action: &pb.SetRealServerRequest_Disable{}}
}

func enable(server string) *pb.SetRealServerRequest {
	return &pb.SetRealServerRequest{Service: "V", Server: server, Action: &pb.SetRealServerRequest_Enable{}}
}

func weight(server string, n uint32) *pb.SetRealServerRequest {
	return &pb.SetRealServerRequest{Service: "V", Server: server, Action: &pb.SetRealServerRequest_Weight{Weight: n}}
}

func resetWeight(server string) *pb.SetRealServerRequest {
	return &pb.SetRealServerRequest{Service: "V", Server: server, Action: &pb.SetRealServerRequest_ResetWeight{}}
}

func (r *rig) setServer(q *pb.SetRealServerRequest) (string, error) {
	v, err := answers{r.s}.SetRealServer(r.t.Context(), "alice (pid 7)", q)
	synctest.Wait()
	return short(v.GetOverride()), err
}

// short is the server and what is in force for it.
func short(v *pb.ServerOverride) string {
	if v == nil {
		return ""
	}
	return v.GetServer() + " " + overrideText(v)
}

// inForce is what GetStatus tells.
func (r *rig) inForce() string {
	r.t.Helper()
	status, err := answers{r.s}.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, v := range status.GetOverrides() {
		out = append(out, short(v))
	}
	return strings.Join(out, ", ")
}

// overrideEvents collects what watchers are told.
func (r *rig) overrideEvents() *[]string {
	var told []string
	go func() {
		_ = answers{r.s}.Watch(r.t.Context(), &pb.WatchEventsRequest{NoSnapshot: true}, func(e *pb.Event) error {
			if c := e.GetOverride(); c != nil {
				text := short(c.GetOverride())
				if c.GetRemoved() {
					text = c.GetOverride().GetServer() + " removed"
				}
				told = append(told, text+": "+c.GetCause())
			}
			return nil
		})
	}()
	synctest.Wait()
	return &told
}

func overrideReport(v *pb.ServerOverride, removed bool, cause string) *pb.ReportRequest {
	return &pb.ReportRequest{Report: &pb.ReportRequest_Override{Override: &pb.OverrideChange{Override: v, Removed: removed, Cause: cause}}}
}

func TestSetRealServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, x := checkerUp(t)
		defer r.stop()
		k := newKid(x)
		told := r.overrideEvents()
		r.log.take()
		for _, tt := range []struct {
			q               *pb.SetRealServerRequest
			answer, inForce string
			event, log      string
		}{
			{weight("2", 7), "2 weight 7", "2 weight 7", "2 weight 7: weight 7 by alice (pid 7)",
				"Real server [1] of virtual server [V]: weight 7 by alice (pid 7): weight 7 now"},
			{drainOf("1", time.Minute), "1 draining", "1 draining, 2 weight 7", "1 draining: drain for at most 1m0s by alice (pid 7)",
				"Real server [1] of virtual server [V]: drain for at most 1m0s by alice (pid 7) (update): draining now"},
			{weight("1", 0), "1 draining, weight 0", "1 draining, weight 0, 2 weight 7", "1 draining, weight 0: weight 0 by alice (pid 7)",
				"Real server [1] of virtual server [V]: weight 0 by alice (pid 7): draining, weight 0 now"},
			{enable("1"), "1 weight 0", "1 weight 0, 2 weight 7", "1 weight 0: enable by alice (pid 7)",
				"Real server [1] of virtual server [V]: enable by alice (pid 7): weight 0 now"},
			{disable("1"), "1 disabled, weight 0", "1 disabled, weight 0, 2 weight 7", "1 disabled, weight 0: disable by alice (pid 7)",
				"Real server [1] of virtual server [V]: disable by alice (pid 7): disabled, weight 0 now"},
			{resetWeight("1"), "1 disabled", "1 disabled, 2 weight 7", "1 disabled: configured weight by alice (pid 7)",
				"Real server [1] of virtual server [V]: configured weight by alice (pid 7): disabled now"},
			{enable("1"), "1 no override", "2 weight 7", "1 removed: enable by alice (pid 7)",
				"Real server [1] of virtual server [V]: enable by alice (pid 7): no override now"},
			{enable("1"), "1 no override", "2 weight 7", "", "Real server [1] of virtual server [V]: enable by alice (pid 7): no override now"},
		} {
			*told = nil
			answer, err := r.setServer(tt.q)
			if err != nil || answer != tt.answer || r.inForce() != tt.inForce {
				t.Errorf("%s: answer %q, %v; in force %q; want %q and %q", action(tt.q), answer, err, r.inForce(), tt.answer, tt.inForce)
			}
			if got := strings.Join(*told, ", "); got != tt.event {
				t.Errorf("%s: event %q, want %q", action(tt.q), got, tt.event)
			}
			if got := r.log.take(); !slices.Equal(got, []string{tt.log}) {
				t.Errorf("%s: log %q, want %q", action(tt.q), got, tt.log)
			}
		}
		// A drain's limit is told by both clocks.
		v := k.commands[1].GetOverride()
		if v.GetUntil().AsTime().Sub(v.GetSince().AsTime()) != time.Minute || v.GetWhy() != "update" || v.GetWho() != "alice (pid 7)" {
			t.Errorf("told the child %v", v)
		}
		left := clock.Instant(v.GetUntilInstant()).Sub(clock.Real{}.Now())
		if left > time.Minute || left < 0 {
			t.Errorf("%v are left by the monotonic clock", left)
		}
		if c := k.commands[0]; !c.GetKeepMode() || c.GetKeepWeight() {
			t.Errorf("a weight: %v", c)
		}
		if c := k.commands[1]; c.GetKeepMode() || !c.GetKeepWeight() {
			t.Errorf("a drain: %v", c)
		}
		if c := k.commands[7].GetOverride(); c.GetRevision() != 8 || c.GetUntil() != nil || c.GetUntilInstant() != 0 {
			t.Errorf("the last: %v", c)
		}
	})
}

func TestSetRealServerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, x := checkerUp(t)
		defer r.stop()
		k := newKid(x)
		long := strings.Repeat("x", maxText+1)
		bad := drainOf("1", -time.Second)
		for what, tt := range map[string]struct {
			q    *pb.SetRealServerRequest
			want string
		}{
			"no service":       {&pb.SetRealServerRequest{Server: "1", Action: enable("1").Action}, "invalid request: no service is named"},
			"no server":        {enable(""), "invalid request: no server is named"},
			"nothing to do":    {&pb.SetRealServerRequest{Service: "V", Server: "1"}, "invalid request: nothing is to be done with the server"},
			"a long reason":    {&pb.SetRealServerRequest{Service: "V", Server: "1", Why: long, Action: enable("1").Action}, "invalid request: why has 257 octets, 256 are allowed"},
			"an escape in it":  {&pb.SetRealServerRequest{Service: "V", Server: "1", Why: "\x1b[2J", Action: enable("1").Action}, "invalid request: why holds control characters"},
			"a second line":    {&pb.SetRealServerRequest{Service: "V", Server: "1", Why: "a\nb", Action: enable("1").Action}, "invalid request: why holds control characters"},
			"text turned over": {&pb.SetRealServerRequest{Service: "V\u202e", Server: "1", Action: enable("1").Action}, "invalid request: service holds control characters"},
			"a negative limit": {bad, "invalid request: the time limit of a drain is a positive duration"},
			"a huge weight":    {weight("1", 1<<31), "invalid request: weight 2147483648 is not in 0..2147483647"},
			"no such server":   {enable("9"), "there is no 9"},
		} {
			_, err := r.setServer(tt.q)
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s: %v, want %q", what, err, tt.want)
			}
			var missing *adminapi.NotFoundError
			if errors.As(err, &missing) != (what == "no such server") || errors.Is(err, adminapi.ErrInvalid) == (what == "no such server") {
				t.Errorf("%s: %#v", what, err)
			}
		}
		if len(k.commands) != 1 {
			t.Errorf("%d commands reached the child, want the one of the unknown server", len(k.commands))
		}
		if got := r.inForce(); got != "" {
			t.Errorf("in force %q", got)
		}
	})
}

// TestOverridesOutliveTheChild: the next child is given them, and a command that was
// under way when the child was killed has no effect and says so.
func TestOverridesOutliveTheChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, x := checkerUp(t)
		newKid(x)
		if _, err := r.setServer(drainOf("1", 0)); err != nil {
			t.Fatal(err)
		}
		x.answers(func(ctx context.Context, c *pb.ServeResponse, _ func(*pb.ServeRequest) error) error {
			if c.GetSetServer() == nil {
				return nil
			}
			x.p.crash(ending{signal: 9})
			return childapi.ErrGone
		})
		_, err := answers{r.s}.SetRealServer(t.Context(), "alice (pid 7)", disable("2"))
		if !errors.Is(err, adminapi.ErrUnavailable) || !strings.Contains(err.Error(), "the healthchecker process was lost before it answered") {
			t.Errorf("a command whose child was killed: %v", err)
		}
		if _, err := r.setServer(enable("1")); err == nil || !strings.Contains(err.Error(), "the healthchecker process is not ready yet") {
			t.Errorf("before the next is ready: %v", err)
		}
		x = r.proc(childapi.Checker).connect(0)
		if len(x.memory.Overrides) != 1 || short(x.memory.Overrides[0]) != "1 draining" || r.inForce() != "1 draining" {
			t.Errorf("the next child inherits %v, in force %s", x.memory.Overrides, r.inForce())
		}
		x.ready()
		newKid(x)
		if got, err := r.setServer(weight("1", 3)); err != nil || got != "1 draining, weight 3" {
			t.Errorf("the next child: %q, %v", got, err)
		}
		// An answer of a child that has died since is no answer: its successor was born
		// without it.
		x.answers(func(ctx context.Context, c *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
			if c.GetSetServer() == nil {
				return nil
			}
			x.p.crash(ending{signal: 9})
			return each(&pb.ServeRequest{Answer: &pb.ServeRequest_Override{Override: &pb.ServerOverride{Service: "V", Server: "2", Mode: disabled, Revision: 9}}})
		})
		if _, err := (answers{r.s}).SetRealServer(t.Context(), "alice (pid 7)", disable("2")); !errors.Is(err, adminapi.ErrUnavailable) {
			t.Errorf("an answer of the dead: %v", err)
		}
		if got := r.inForce(); got != "1 draining, weight 3" {
			t.Errorf("in force %q", got)
		}
		r.stop()
	})
}

// TestReportsAndAnswers: the two streams may overtake each other.
func TestReportsAndAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, x := checkerUp(t)
		defer r.stop()
		k := newKid(x)
		told := r.overrideEvents()
		expect := func(what, inForce string, events ...string) {
			t.Helper()
			synctest.Wait()
			if got := r.inForce(); got != inForce || !slices.Equal(*told, events) {
				t.Errorf("%s: in force %q, told %q; want %q and %q", what, got, *told, inForce, events)
			}
			*told = nil
		}
		report := func(v *pb.ServerOverride, mode pb.ServerMode, cause string) {
			v = proto.Clone(v).(*pb.ServerOverride)
			v.Mode = mode
			r.s.post(func() { r.s.reported(x, overrideReport(v, none(v), cause)) })
		}
		// A server without connections is drained before the answer is there.
		k.before = func(v *pb.ServerOverride) { report(v, disabled, "drained") }
		if got, err := r.setServer(drainOf("1", 0)); err != nil || got != "1 disabled" {
			t.Errorf("drained at once: %q, %v", got, err)
		}
		expect("drained at once", "1 disabled", "1 disabled: drained")

		// The repetition of an answer comes first.
		k.before = func(v *pb.ServerOverride) { report(v, v.GetMode(), "") }
		if got, err := r.setServer(enable("1")); err != nil || got != "1 no override" {
			t.Errorf("enabled: %q, %v", got, err)
		}
		expect("enabled", "", "1 removed: enable by alice (pid 7)")
		k.before = nil

		// What the child said before the last command comes behind it.
		report(k.commands[0].GetOverride(), disabled, "drained")
		expect("an old report", "")

		// The answer is lost, its repetition is not.
		x.answers(func(context.Context, *pb.ServeResponse, func(*pb.ServeRequest) error) error { return childapi.ErrGone })
		if _, err := r.setServer(disable("2")); !errors.Is(err, adminapi.ErrUnavailable) {
			t.Errorf("a lost answer: %v", err)
		}
		v := &pb.ServerOverride{Service: "V", Server: "2", Who: "alice (pid 7)", Revision: 3}
		report(v, disabled, "")
		expect("a lost answer", "2 disabled", "2 disabled: set by alice (pid 7)")
		report(v, disabled, "")
		expect("said again", "2 disabled")

		// Lost again, but the report came before the loss was known.
		x.answers(func(_ context.Context, c *pb.ServeResponse, _ func(*pb.ServeRequest) error) error {
			v.Revision = c.GetSetServer().GetOverride().GetRevision()
			report(v, normal, "")
			return childapi.ErrGone
		})
		if got, err := r.setServer(enable("2")); err != nil || got != "2 no override" {
			t.Errorf("an answer by report: %q, %v", got, err)
		}
		expect("an answer by report", "", "2 removed: enable by alice (pid 7)")
	})
}

// TestOverridesAreDropped: with a note, by the child or when nothing is left to check.
func TestOverridesAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, x := checkerUp(t)
		defer r.stop()
		newKid(x)
		for _, q := range []*pb.SetRealServerRequest{drainOf("1", 0), weight("2", 5)} {
			if _, err := r.setServer(q); err != nil {
				t.Fatal(err)
			}
		}
		told := r.overrideEvents()
		notice := func() string {
			status, err := answers{r.s}.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n := status.GetNotices(); len(n) > 0 {
				return n[len(n)-1].GetText()
			}
			return ""
		}
		x.report(overrideReport(&pb.ServerOverride{Service: "V", Server: "1", Revision: 1}, true, "the server left the configuration"))
		want := "Real server [1] of virtual server [V]: draining, set by alice (pid 7), is dropped: the server left the configuration"
		if got := notice(); got != want || r.inForce() != "2 weight 5" || !r.log.has(want) {
			t.Errorf("notice %q, in force %q", got, r.inForce())
		}
		x.report(overrideReport(&pb.ServerOverride{}, true, "nobody's"))

		r.set(func() { r.next = configOf("two") })
		if _, err := (answers{r.s}).Reload(t.Context(), &pb.ReloadRequest{}); err != nil {
			t.Fatal(err)
		}
		x.p.crash(ending{})
		if got := notice(); !strings.Contains(got, "weight 5, set by alice (pid 7), is dropped") || r.inForce() != "" {
			t.Errorf("notice %q, in force %q", got, r.inForce())
		}
		if want := []string{"1 removed: the server left the configuration", "2 removed: the server left the configuration"}; !slices.Equal(*told, want) {
			t.Errorf("told %q, want %q", *told, want)
		}
		if _, err := r.setServer(enable("1")); err == nil || err.Error() != "not available: no virtual server is configured" {
			t.Errorf("without virtual servers: %v", err)
		}
	})
}

func TestChangesGoOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, x := checkerUp(t)
		k := newKid(x)
		inner := x.answer
		release := make(chan struct{})
		x.answers(func(ctx context.Context, c *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
			if c.GetSetServer() != nil {
				select {
				case <-release:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return inner(ctx, c, each)
		})
		results := make(chan string, 20)
		ask := func(ctx context.Context, q *pb.SetRealServerRequest) {
			go func() {
				v, err := answers{r.s}.SetRealServer(ctx, "alice (pid 7)", q)
				results <- fmt.Sprint(short(v.GetOverride()), err)
			}()
			synctest.Wait()
		}
		named := drainOf("1", 0)
		named.RequestId = "a"
		ask(t.Context(), named)
		ask(t.Context(), named) // the same again: one command
		gone, cancel := context.WithCancel(t.Context())
		ask(gone, disable("1"))
		ask(t.Context(), weight("1", 4))
		other := drainOf("2", 0)
		other.RequestId = "a"
		ask(t.Context(), other)
		if got := <-results; got != "invalid request: request_id a was used for another request" {
			t.Errorf("another request of that id: %q", got)
		}
		cancel()
		if got := <-results; got != "context canceled" {
			t.Errorf("gave up: %q", got)
		}
		close(release)
		got := []string{<-results, <-results, <-results}
		slices.Sort(got)
		if want := []string{"1 draining, weight 4<nil>", "1 draining<nil>", "1 draining<nil>"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if len(k.commands) != 2 {
			t.Errorf("%d commands: %v", len(k.commands), k.commands)
		}
		ask(t.Context(), named) // and again, when it is done
		if got := <-results; got != "1 draining<nil>" || len(k.commands) != 2 {
			t.Errorf("the answer again: %q, %d commands", got, len(k.commands))
		}

		// A child that does not answer, and the daemon's end.
		release = make(chan struct{})
		began := time.Now()
		if _, err := r.setServer(disable("1")); !errors.Is(err, adminapi.ErrUnavailable) || time.Since(began) != setLimit {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		for range maxChanges + 1 {
			ask(t.Context(), disable("2"))
		}
		if got := len(results); got != 0 {
			t.Errorf("%d answered", got)
		}
		if _, err := r.setServer(disable("2")); err == nil || !strings.Contains(err.Error(), "too many changes") {
			t.Errorf("one too many: %v", err)
		}
		r.stop()
		if got := <-results; got != "not available" {
			t.Errorf("at the daemon's end: %q", got)
		}
		for range maxChanges {
			<-results
		}
	})
}
