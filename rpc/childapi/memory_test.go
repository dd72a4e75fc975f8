package childapi

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	pb "keepalived/proto/keepalived/v1"
)

func record(i int, up bool) *pb.CheckRecord {
	return &pb.CheckRecord{
		Service: fmt.Sprintf("[10.%d.%d.1]:tcp:80", i>>8&255, i&255), Server: fmt.Sprintf("[10.0.%d.%d]:tcp:80", i>>8&255, i&255),
		Kind: 1, Digest: uint64(i), Up: up, Since: 1,
	}
}

func override(server string, revision uint64, mode pb.ServerMode) *pb.ServerOverride {
	return &pb.ServerOverride{Service: "V", Server: server, Mode: mode, Revision: revision}
}

func sorted(list []*pb.CheckRecord) []*pb.CheckRecord {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b *pb.CheckRecord) int { return cmp.Compare(a.GetDigest(), b.GetDigest()) })
	return list
}

func equalRecords(a, b *pb.CheckRecord) bool { return proto.Equal(a, b) }

// TestMemoryCrossesTheWire: the records of 40,000 servers fit, beside a tree.
func TestMemoryCrossesTheWire(t *testing.T) {
	t.Parallel()
	m := Memory{}
	for i := range 40_000 {
		m.Records = append(m.Records, record(i, i%2 == 0))
	}
	for i := range 5_000 {
		m.Overrides = append(m.Overrides, override(fmt.Sprint(i), uint64(i), pb.ServerMode_SERVER_MODE_DRAINING))
	}
	tree := bigTree(3000)
	part, err := Encode(tree)
	if err != nil {
		t.Fatal(err)
	}
	a := newAssembler(7)
	all := m.with(part.message(7))
	for i, c := range all {
		b, err := proto.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.GetNodes()) == 0 && len(b) > chunkBytes+1024 {
			t.Errorf("chunk %d has %d octets", i, len(b))
		}
		var back pb.ConfigChunk
		if err := proto.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		got, err := a.add(&back)
		if err != nil {
			t.Fatal(err)
		}
		if (got != nil) != (i == len(all)-1) {
			t.Fatalf("chunk %d of %d: complete %v", i, len(all), got != nil)
		}
		if got != nil {
			if d := gocmp.Diff(tree, got); d != "" {
				t.Errorf("the tree (-want +got):\n%s", d[:min(len(d), 2000)])
			}
		}
	}
	if !slices.EqualFunc(m.Records, a.memory.Records, equalRecords) || !slices.EqualFunc(m.Overrides, a.memory.Overrides,
		func(a, b *pb.ServerOverride) bool { return proto.Equal(a, b) }) {
		t.Error("the memory is another")
	}
	if chunks := part.chunks; chunks[0].GetIndex() != 0 || !chunks[len(chunks)-1].GetLast() || chunks[0].GetGeneration() != 0 {
		t.Error("the chunks for other children were changed")
	}
}

// hear gives parent what the outbox has to say, at most n messages.
func hear(o *outbox, parent *Records, n int) (said []string) {
	for ; n > 0; n-- {
		m, _ := o.take()
		if m == nil {
			break
		}
		if r := m.GetRecords(); r != nil {
			parent.Take(r)
			said = append(said, fmt.Sprintf("all %v more %v", r.GetAll(), r.GetMore()))
		}
		if c := m.GetOverride(); c != nil {
			said = append(said, fmt.Sprintf("%s %d %v %v", c.GetOverride().GetServer(), c.GetOverride().GetRevision(), c.GetOverride().GetMode(), c.GetRemoved()))
		}
	}
	return said
}

func (s *Records) ups() (text string) {
	for _, r := range sorted(s.List()) {
		text += fmt.Sprintf("%d%v ", r.GetDigest(), r.GetUp())
	}
	return text
}

func TestRecordsAreNeverLost(t *testing.T) {
	t.Parallel()
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	o, parent := newOutbox(), &Records{}
	parent.Take(&pb.CheckRecords{Records: []*pb.CheckRecord{record(9, true)}}) // of the child before
	o.records(false, []*pb.CheckRecord{record(1, true)})
	hear(o, parent, 9)
	expect("single ones leave the others", parent.ups(), "1true 9true ")
	o.records(true, []*pb.CheckRecord{record(1, true), record(2, true)})
	o.records(false, []*pb.CheckRecord{record(2, false)})
	hear(o, parent, 9)
	expect("all of them", parent.ups(), "1true 2false ")
	expect("nothing to say", fmt.Sprint(hear(o, parent, 9)), "[]")

	o.records(false, []*pb.CheckRecord{record(1, false), record(3, true)})
	hear(o, &Records{}, 9) // lost on the way
	o.disconnected()
	o.records(false, []*pb.CheckRecord{record(3, false)})
	o.records(false, []*pb.CheckRecord{record(3, true)})
	hear(o, parent, 9)
	expect("after a reconnection", parent.ups(), "1false 2false 3true ")

	o.records(true, nil)
	hear(o, parent, 9)
	expect("none", parent.ups(), "")
}

func TestManyRecords(t *testing.T) {
	t.Parallel()
	o, parent := newOutbox(), &Records{}
	const n = 20_000
	var list []*pb.CheckRecord
	for i := range n {
		list = append(list, record(i, true))
	}
	o.records(true, list[:2])
	hear(o, parent, 9)
	o.records(true, list)
	if said := hear(o, parent, 3); said[0] != "all true more true" || said[1] != "all false more true" {
		t.Errorf("said %q", said)
	}
	if got := len(parent.List()); got != 2 {
		t.Errorf("%d records before the new ones are complete, want the 2 of before", got)
	}
	// A change while they are under way, and the loss of the connection.
	o.records(false, []*pb.CheckRecord{record(0, false)})
	parent.Interrupted()
	if got := len(parent.List()); got < 1000 || got >= n {
		t.Errorf("%d records of an interrupted report are there, want those that came", got)
	}
	o.disconnected()
	said := hear(o, parent, 1000)
	if len(said) < 10 || said[len(said)-1] != "all false more false" {
		t.Errorf("said %q", said)
	}
	list[0] = record(0, false)
	if !slices.EqualFunc(sorted(list), sorted(parent.List()), equalRecords) {
		t.Errorf("%d records, not those that were said", len(parent.List()))
	}
}

func TestOverridesAreNeverLost(t *testing.T) {
	t.Parallel()
	const draining, disabled = pb.ServerMode_SERVER_MODE_DRAINING, pb.ServerMode_SERVER_MODE_DISABLED
	o := newOutbox()
	say := func(want ...string) {
		t.Helper()
		if got := hear(o, &Records{}, 9); !slices.Equal(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	}
	o.answered(override("1", 1, draining))
	say("1 1 SERVER_MODE_DRAINING false")
	// Drained before the answer was even sent: the answer is the older.
	o.override(&pb.OverrideChange{Override: override("2", 2, disabled)})
	o.answered(override("2", 2, draining))
	say("2 2 SERVER_MODE_DISABLED false")
	// The operator comes first now.
	o.answered(override("2", 3, pb.ServerMode_SERVER_MODE_NORMAL))
	o.override(&pb.OverrideChange{Override: override("2", 2, disabled)})
	say("2 3 SERVER_MODE_NORMAL true")
	o.disconnected()
	got := hear(o, &Records{}, 9)
	slices.Sort(got)
	if want := []string{"1 1 SERVER_MODE_DRAINING false", "2 3 SERVER_MODE_NORMAL true"}; !slices.Equal(got, want) {
		t.Errorf("after a reconnection %q, want %q", got, want)
	}
	// What is gone and reported does not pile up.
	for i := range 2 * maxOverrides {
		o.answered(override(fmt.Sprint("x", i), 4, pb.ServerMode_SERVER_MODE_NORMAL))
		hear(o, &Records{}, 1)
	}
	if n := len(o.kept.overrides); n > maxOverrides {
		t.Errorf("%d servers remembered", n)
	}
	if o.kept.overrides[overrideKey{"V", "1"}] == nil {
		t.Error("one in force was forgotten")
	}
}

// TestRecordsOnTheWire: both directions through the sockets, and an answer that nobody
// waits for any more becomes known all the same.
func TestRecordsOnTheWire(t *testing.T) {
	path := socketPath(t)
	first := newParent(t, path)
	boot := first.boot()
	updates := make(chan Update, 10)
	c := NewClient(Options{Boot: boot, Config: func(u Update) { updates <- u },
		Serve: func(ctx context.Context, cmd *pb.ServeResponse, send func(*pb.ServeRequest) error) error {
			<-ctx.Done()
			return send(&pb.ServeRequest{Answer: &pb.ServeRequest_Override{Override: override("1", 5, pb.ServerMode_SERVER_MODE_DISABLED)}})
		}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })

	part, err := Encode(bigTree(1))
	if err != nil {
		t.Fatal(err)
	}
	m := Memory{Records: []*pb.CheckRecord{record(1, true)}, Overrides: []*pb.ServerOverride{override("1", 1, pb.ServerMode_SERVER_MODE_DRAINING)}}
	s := first.session(1)
	s.SendFirst(1, part, m)
	s.SendCommit(1)
	s.SendPrepare(1, part, Trial)
	u := <-updates
	if d := gocmp.Diff(m, Memory{Records: u.Records, Overrides: u.Overrides}, protocmp.Transform()); d != "" || !u.Initial || u.Phase != Prepare {
		t.Errorf("the first update: %v %v (-want +got):\n%s", u.Phase, u.Initial, d)
	}
	<-updates
	if u := <-updates; u.Initial || !u.DryRun || u.Records != nil || u.Overrides != nil {
		t.Errorf("a later one: %+v", u)
	}

	c.Records(true, []*pb.CheckRecord{record(1, false), record(2, true)})
	first.reported("records 2 all")
	call, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := s.Call(call, &pb.ServeResponse{Command: &pb.ServeResponse_SetServer{}}, nil); err == nil {
		t.Error("an answer in time")
	}
	first.reported("override 1 5 false")
	c.Ready(1)
	first.reported("ready 1")

	first.server.Stop()
	first.until("the session's end", func() bool { return first.closed == 1 })
	_ = os.Remove(path)
	second := newParent(t, path)
	second.server.mu.Lock()
	known := make(chan struct{})
	close(known)
	second.server.children[boot.Token] = &child{role: VRRP, pid: int32(os.Getpid()), known: known}
	second.server.mu.Unlock()
	second.reported("override 1 5 false")
	second.reported("records 2 all")
}
