package timerq

import (
	"math/rand/v2"
	"testing"

	"keepalived/core/clock"
)

// TestAgainstModel drives the heap and a plain map side by side.
func TestAgainstModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var q Queue
	model := map[int32]clock.Instant{}
	for step := range 20000 {
		id := int32(rnd.IntN(60))
		switch rnd.IntN(4) {
		case 0:
			q.Set(id, clock.Never)
			delete(model, id)
		case 1, 2:
			at := clock.Instant(rnd.IntN(1000))
			q.Set(id, at)
			model[id] = at
		default:
			now := clock.Instant(rnd.IntN(1000))
			checkPop(t, step, &q, model, now)
		}
		if q.Len() != len(model) {
			t.Fatalf("step %d: %d queued, want %d", step, q.Len(), len(model))
		}
	}
}

func checkPop(t *testing.T, step int, q *Queue, model map[int32]clock.Instant, now clock.Instant) {
	t.Helper()
	want, due := int32(-1), clock.Never
	for id, at := range model {
		if at <= now && (at < due || at == due && id < want) {
			want, due = id, at
		}
	}
	got, ok := q.PopDue(now)
	if ok != (want >= 0) || ok && got != want {
		t.Fatalf("step %d: PopDue(%d) = %d, %v; want %d", step, now, got, ok, want)
	}
	if ok {
		delete(model, got)
	}
}

func TestRearmAllocatesNothing(t *testing.T) {
	var q Queue
	for id := range int32(1000) {
		q.Set(id, clock.Instant(id))
	}
	i := clock.Instant(0)
	if n := testing.AllocsPerRun(1000, func() { i++; q.Set(int32(i%1000), 1000+i) }); n != 0 {
		t.Fatalf("re-arming allocates %v times", n)
	}
}
