package childapi

import (
	"context"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "keepalived/proto/keepalived/v1"
)

const (
	// maxEvents is how many events wait for a connection; then the oldest go.
	maxEvents = 4096
	// maxNotices is how many notices wait; then new ones are dropped.
	maxNotices = 64
	// maxControl bounds the answers of the configuration protocol. The parent has
	// one question open at a time, so a longer queue is of a session long gone.
	maxControl = 16
	// bufferBytes is gRPC's buffer per connection and direction: the default of 32
	// KiB is for networks.
	bufferBytes = 4 << 10
	// sessionKey carries the session in the metadata of every call but Register.
	sessionKey = "session"
)

// outbox holds what a child has to say until the report stream takes it. Adding
// never blocks.
type outbox struct {
	wake chan struct{} // capacity 1

	mu       sync.Mutex
	beat     *pb.Heartbeat
	controls []*pb.ReportRequest
	events   []*pb.Event
	missed   uint64
	notices  []*pb.ReportRequest
	kept     outRecords
	readyGen uint64
	sayReady bool
	last     *pb.ReportRequest // Fatal
	lastDone chan struct{}
	lastSent bool
}

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), lastDone: make(chan struct{})}
}

func (o *outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) with(f func()) {
	o.mu.Lock()
	f()
	o.mu.Unlock()
	o.poke()
}

func (o *outbox) heartbeat(h *pb.Heartbeat) { o.with(func() { o.beat = h }) }

func (o *outbox) ready(generation uint64) {
	o.with(func() { o.readyGen, o.sayReady = generation, true })
}

func (o *outbox) lastReady() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.readyGen
}

func (o *outbox) control(m *pb.ReportRequest) {
	o.with(func() {
		if len(o.controls) >= maxControl {
			o.controls = o.controls[1:]
		}
		o.controls = append(o.controls, m)
	})
}

func (o *outbox) event(e *pb.Event) {
	o.with(func() {
		if len(o.events) >= maxEvents {
			o.events[0] = nil
			o.events = o.events[1:]
			o.missed++
		}
		o.events = append(o.events, e)
	})
}

func (o *outbox) notice(m *pb.ReportRequest) {
	o.with(func() {
		if len(o.notices) < maxNotices {
			o.notices = append(o.notices, m)
		}
	})
}

func (o *outbox) records(all bool, list []*pb.CheckRecord) {
	o.with(func() { o.kept.put(all, list) })
}

func (o *outbox) override(c *pb.OverrideChange) { o.with(func() { o.kept.set(c, true) }) }

// answered notes the answer to a command: nobody may wait for it any more, or it may be
// lost with the connection, while the child acts on it.
func (o *outbox) answered(v *pb.ServerOverride) {
	v = proto.Clone(v).(*pb.ServerOverride)
	c := &pb.OverrideChange{Override: v, Removed: v.GetMode() <= pb.ServerMode_SERVER_MODE_NORMAL && v.Weight == nil}
	o.with(func() { o.kept.set(c, false) })
}

// fatal is the last message; the channel is closed once the parent has it.
func (o *outbox) fatal(m *pb.ReportRequest) <-chan struct{} {
	o.with(func() { o.last = m })
	return o.lastDone
}

func (o *outbox) fatalSent() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.lastSent {
		o.lastSent = true
		close(o.lastDone)
	}
}

// disconnected drops what only meant something in the session that ended, and has
// Ready said again in the next.
func (o *outbox) disconnected() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.controls = nil
	o.sayReady = o.readyGen != 0
	o.kept.again()
}

// next waits for something to say; last marks the message after which nothing follows.
func (o *outbox) next(ctx context.Context) (m *pb.ReportRequest, last, ok bool) {
	for {
		o.mu.Lock()
		m, last = o.take()
		o.mu.Unlock()
		if m != nil {
			return m, last, true
		}
		select {
		case <-ctx.Done():
			return nil, false, false
		case <-o.wake:
		}
	}
}

// take gives the most urgent message: liveness, then the configuration protocol,
// then what happened.
func (o *outbox) take() (m *pb.ReportRequest, last bool) {
	switch {
	case o.beat != nil:
		m = &pb.ReportRequest{Report: &pb.ReportRequest_Heartbeat{Heartbeat: o.beat}}
		o.beat = nil
	case len(o.controls) > 0:
		m, o.controls = o.controls[0], o.controls[1:]
	case len(o.kept.changed) > 0:
		m = o.kept.takeOverride()
	case o.missed > 0:
		m = &pb.ReportRequest{Report: &pb.ReportRequest_Missed{Missed: &pb.Missed{Count: o.missed}}}
		o.missed = 0
	case len(o.events) > 0:
		m = &pb.ReportRequest{Report: &pb.ReportRequest_Event{Event: o.events[0]}}
		o.events[0] = nil
		o.events = o.events[1:]
	case o.sayReady:
		m = &pb.ReportRequest{Report: &pb.ReportRequest_Ready{Ready: &pb.Ready{Generation: o.readyGen}}}
		o.sayReady = false
	case o.kept.recordsDue():
		m = o.kept.takeRecords()
	case len(o.notices) > 0:
		m, o.notices = o.notices[0], o.notices[1:]
	case o.last != nil:
		m, o.last, last = o.last, nil, true
	}
	return m, last
}

func pid() int { return os.Getpid() }

func validString(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// validText replaces what is not UTF-8 in the strings of a message: configuration
// text may be in any encoding, and protobuf refuses to send such a string.
func validText(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList() && f.Kind() == protoreflect.StringKind:
			l := v.List()
			for i := range l.Len() {
				if s := l.Get(i).String(); !utf8.ValidString(s) {
					l.Set(i, protoreflect.ValueOfString(validString(s)))
				}
			}
		case f.IsList() && f.Message() != nil:
			l := v.List()
			for i := range l.Len() {
				validText(l.Get(i).Message())
			}
		case f.IsList() || f.IsMap():
		case f.Kind() == protoreflect.StringKind:
			if s := v.String(); !utf8.ValidString(s) {
				m.Set(f, protoreflect.ValueOfString(validString(s)))
			}
		case f.Message() != nil:
			validText(v.Message())
		}
		return true
	})
}
