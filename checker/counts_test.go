package checker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"keepalived/checker/ipvs"
)

// slowConns counts how often it is asked, and can fail.
type slowConns struct {
	fakeConns
	asked int
	err   error
}

func (s *slowConns) Destinations(ipvs.Key) ([]ipvs.DestinationStatus, error) {
	s.asked++
	return []ipvs.DestinationStatus{destinationWith("10.0.0.1:80", 2, 3)}, s.err
}

// Readings are good for a second; a connection that fails is made anew; where ip_vs is
// missing it is looked for twice a minute, because each time costs a modprobe.
func TestCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvs.AddressKey(ipvs.TCP, at("10.0.0.100:80"))
		conns, opened := &slowConns{}, 0
		var missing error
		c := newCounter(func() (counterConn, error) { opened++; return conns, missing })
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = c.run(ctx) }()
		count := func() (connections, error) {
			n, err := c.count(t.Context(), []ipvs.Key{k})
			return n.of([]ipvs.Key{k}, ipvs.Destination{Addr: at("10.0.0.1:80")}), err
		}
		for range 3 {
			if n, err := count(); err != nil || n != (connections{2, 3}) {
				t.Fatalf("%v, %v", n, err)
			}
		}
		if conns.asked != 1 {
			t.Errorf("asked %d times within a second", conns.asked)
		}
		time.Sleep(1100 * time.Millisecond)
		conns.err = errors.New("gone")
		if _, err := count(); err == nil || conns.asked != 2 {
			t.Errorf("%v after %d", err, conns.asked)
		}
		conns.err = nil
		if _, err := count(); err != nil || opened != 2 {
			t.Errorf("%v, opened %d times", err, opened)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.count(over, []ipvs.Key{k}); !errors.Is(err, context.Canceled) {
			t.Errorf("somebody who has gone: %v", err)
		}
		conns.err, missing = errors.New("unloaded"), ipvs.ErrNoIPVS
		time.Sleep(2 * time.Second)
		for range 10 {
			_, _ = count()
			time.Sleep(time.Second)
		}
		if opened != 3 {
			t.Errorf("ip_vs was looked for %d times", opened-2)
		}
		time.Sleep(reopenAfter)
		missing, conns.err = nil, nil
		if n, err := count(); err != nil || n.active != 2 {
			t.Errorf("%v, %v", n, err)
		}
		stop()
		synctest.Wait()
	})
}
