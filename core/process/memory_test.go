package process

import (
	"runtime/debug"
	"testing"
)

// percent is the collector's percentage now.
func percent() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

// TestCollectRarely: the percentage is another one while a reading lasts, and that of
// before afterwards.
func TestCollectRarely(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(70))
	end := CollectRarely()
	if p := percent(); p != rareCollections {
		t.Errorf("%d while a reading lasts, want %d", p, rareCollections)
	}
	end()
	if p := percent(); p != 70 {
		t.Errorf("%d afterwards, want 70", p)
	}
}

// TestCollectAsTold: who sets GOGC has decided.
func TestCollectAsTold(t *testing.T) {
	t.Setenv("GOGC", "50")
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	end := CollectRarely()
	if p := percent(); p != 50 {
		t.Errorf("%d while a reading lasts, want the 50 that GOGC says", p)
	}
	end()
	if p := percent(); p != 50 {
		t.Errorf("%d afterwards, want 50", p)
	}
}
