package fsm

import (
	"testing"
	"time"
)

// TestMasterDownInterval holds the samples of keepalived 2.2.7's dump and the limits
// of the formulas of RFC 3768 §6.1 and RFC 5798 §6.1.
func TestMasterDownInterval(t *testing.T) {
	tests := []struct {
		name              string
		version, priority uint8
		adverts           uint8
		interval          time.Duration
		want              int64 // microseconds, as the dump shows them
	}{
		{"observed: v2 1 s p150", V2, 150, 0, time.Second, 3414062},
		{"observed: v2 1 s p90", V2, 90, 0, time.Second, 3648437},
		{"observed: v2 1 s p100", V2, 100, 0, time.Second, 3609375},
		{"observed: v3 0.5 s p150", V3, 150, 0, 500 * time.Millisecond, 1707031},
		{"observed: v3 0.3 s p100", V3, 100, 0, 300 * time.Millisecond, 1082812},
		{"observed: v3 0.5 s p112", V3, 112, 0, 500 * time.Millisecond, 1781250},
		{"v2: the skew is a part of a second whatever the interval", V2, 1, 0, 10 * time.Second, 30996093},
		{"v3: the skew is a part of the interval", V3, 1, 0, 10 * time.Second, 39960937},
		{"v3: in steps of 10 ms", V3, 128, 0, 1009 * time.Millisecond, 3527000},
		{"owner: the smallest skew", V2, 255, 0, time.Second, 3003906},
		{"the longest v3 interval does not overflow", V3, 1, 100, 40950 * time.Millisecond, 4135790039},
		{"down_timer_adverts", V2, 150, 5, time.Second, 5414062},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := MasterDownInterval(tt.version, tt.priority, tt.adverts, tt.interval)
			if got.Microseconds() != tt.want {
				t.Errorf("got %d µs, want %d", got.Microseconds(), tt.want)
			}
		})
	}
}
