package lvs

import (
	"sync"
	"testing"
	"time"
)

// load asks a service again and again, as its users do.
type load struct {
	stop  chan struct{}
	ended chan struct{}

	mu       sync.Mutex
	answers  map[string]int
	failures []string
}

// load starts one; it is ended with the test.
func (c *client) load(t *testing.T, addr string) *load {
	t.Helper()
	l := &load{stop: make(chan struct{}), ended: make(chan struct{}), answers: map[string]int{}}
	go func() {
		defer close(l.ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-tick.C:
			}
			who, err := c.get(addr)
			l.mu.Lock()
			if err != nil {
				l.failures = append(l.failures, time.Now().Format("15:04:05.000 ")+err.Error())
			} else {
				l.answers[who]++
			}
			l.mu.Unlock()
		}
	}()
	t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	<-l.ended
}

// total is how many requests have been answered.
func (l *load) total() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.answers {
		n += k
	}
	return n
}
