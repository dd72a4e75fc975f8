package clock

import (
	"testing"
	"time"
)

// TestRealIsMonotonic: instants of different processes compare, so ours must be the
// kernel's; reading the vDSO twice takes far less than a millisecond.
func TestRealIsMonotonic(t *testing.T) {
	for range 1000 {
		before := monotonic()
		now := Real{}.Now()
		after := monotonic()
		if now < before.Add(-time.Millisecond) || now > after.Add(time.Millisecond) {
			t.Fatalf("Now is %d, the kernel's clock went from %d to %d", now, before, after)
		}
	}
}

func TestNeverStaysNever(t *testing.T) {
	if Never.Add(time.Second) != Never || Instant(1<<62).Add(1<<62+1<<61) != Never {
		t.Fatal("a sum beyond the range is not Never")
	}
}
