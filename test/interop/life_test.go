package interop

import (
	"os"
	"testing"

	"keepalived/test/netlab"
)

var deliberate = meants{used: map[string]bool{}, list: []meant{
	{item: "NOTICE: setting config option max_auto_priority ...", real: "NOTICE: setting config option max_auto_priority .*"},
}}

// What users grep: every line of a daemon's life, in order, with its severity.
func TestLives(t *testing.T) {
	netlab.Need(t, "netns", "keepalived")
	items := ledgerItems(t)
	t.Cleanup(func() {
		for _, d := range deliberate.list {
			if !items[d.item] {
				t.Errorf("the ledger has no message %q", d.item)
			}
			if !deliberate.used[d.item] {
				t.Errorf("no daemon has logged %q", d.item)
			}
		}
	})
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			our, real := s.play(t)
			if os.Getenv("LIVES") != "" {
				for _, l := range []*life{our, real} {
					t.Log(l.label)
					for _, x := range l.logged() {
						t.Log(x.process, x.text)
					}
				}
			}
			compareLives(t, our, real)
		})
	}
}
