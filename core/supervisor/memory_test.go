package supervisor

import (
	"log/slog"
	"runtime"
	"testing"
	"time"

	"keepalived/rpc/childapi"
)

// TestTreeIsLetGo: of a configuration only the encoded form is kept, which takes a
// tenth of the memory of its tree.
func TestTreeIsLetGo(t *testing.T) {
	freed := make(chan struct{})
	s := func() *Supervisor {
		c := configOf("one", childapi.VRRP)
		runtime.AddCleanup(c.Tree, func(done chan struct{}) { close(done) }, freed)
		s, err := New(Options{Log: slog.New(slog.DiscardHandler), Initial: c})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}()
	deadline := time.After(5 * time.Second)
	for {
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(s)
			return
		case <-deadline:
			t.Fatal("the tree is still referred to")
		case <-time.After(time.Millisecond):
		}
	}
}
