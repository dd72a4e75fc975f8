package checker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"time"

	"keepalived/checker/ipvs"
)

const (
	// countsFor is how long a reading of connection counts is good.
	countsFor = time.Second
	// reopenAfter is when ip_vs is looked for again where it was missing: each time a
	// modprobe is started.
	reopenAfter = 30 * time.Second
)

// counterConn is what the counter needs of ip_vs.
type counterConn interface {
	Destinations(ipvs.Key) ([]ipvs.DestinationStatus, error)
	SetTimeouts(ipvs.Timeouts) error
	Close() error
}

// counter reads how many connections there are, on a connection and a goroutine of its
// own: the worker has better things to do, and the loop must not wait.
type counter struct {
	open     func() (counterConn, error)
	requests chan countRequest // 16: what does not fit is told so
	list     string            // file with the kernel's connections; "" none

	conn   counterConn
	failed error
	at     time.Time // of failed
	seen   map[ipvs.Key]reading
}

// countRequest asks for the connections of some services of the kernel.
type countRequest struct {
	keys []ipvs.Key
	// fresh: a reading of before the request is not good enough.
	fresh bool
	// ended: an inactive connection that is over does not count.
	ended bool
	// timeouts, when not zero, are set instead.
	timeouts ipvs.Timeouts
	// done gets the answer on the counter's goroutine; it may wait for the loop.
	done func(counts, error)
}

// connections are those of one destination.
type connections struct{ active, inactive uint64 }

// counts are connections by service of the kernel and destination.
type counts map[ipvs.Key]map[netip.AddrPort]connections

// of sums up what a destination has in some services of the kernel.
func (c counts) of(keys []ipvs.Key, d ipvs.Destination) (sum connections) {
	for _, k := range keys {
		n := c[k][place(k, d)]
		sum.active += n.active
		sum.inactive += n.inactive
	}
	return sum
}

type reading struct {
	at   time.Time
	list map[netip.AddrPort]connections
}

func newCounter(open func() (counterConn, error)) *counter {
	return &counter{open: open, list: "/proc/net/ip_vs_conn", requests: make(chan countRequest, 16), seen: map[ipvs.Key]reading{}}
}

// ask hands a request over; false: too many wait.
func (c *counter) ask(r countRequest) bool {
	select {
	case c.requests <- r:
		return true
	default:
		return false
	}
}

// count asks and waits. Not for the loop goroutine.
func (c *counter) count(ctx context.Context, keys []ipvs.Key) (counts, error) {
	type answer struct {
		counts counts
		err    error
	}
	done := make(chan answer, 1)
	select {
	case c.requests <- countRequest{keys: keys, done: func(n counts, err error) { done <- answer{n, err} }}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case a := <-done:
		return a.counts, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run serves requests until ctx ends.
func (c *counter) run(ctx context.Context) error {
	defer c.hangUp()
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-c.requests:
			r.done(c.serve(r))
		}
	}
}

func (c *counter) serve(r countRequest) (counts, error) {
	if c.failed != nil && time.Since(c.at) < reopenAfter {
		return nil, c.failed
	}
	if c.conn == nil {
		if c.conn, c.failed = c.open(); c.failed != nil {
			c.conn, c.at = nil, time.Now()
			if !errors.Is(c.failed, ipvs.ErrNoIPVS) {
				c.at = c.at.Add(countsFor - reopenAfter)
			}
			return nil, c.failed
		}
	}
	if r.timeouts != (ipvs.Timeouts{}) {
		return nil, c.conn.SetTimeouts(r.timeouts)
	}
	out := make(counts, len(r.keys))
	now := time.Now()
	for k, seen := range c.seen {
		if r.fresh || now.Sub(seen.at) > countsFor {
			delete(c.seen, k)
		}
	}
	for _, k := range r.keys {
		seen, ok := c.seen[k]
		if !ok {
			list, err := c.conn.Destinations(k)
			if err != nil {
				c.hangUp()
				return nil, fmt.Errorf("counting connections: %w", err)
			}
			seen = reading{now, make(map[netip.AddrPort]connections, len(list))}
			for _, d := range list {
				seen.list[d.Addr] = connections{uint64(d.Active), uint64(d.Inactive)}
			}
			c.seen[k] = seen
		}
		out[k] = seen.list
	}
	if r.ended {
		c.dropEnded(out)
	}
	return out, nil
}

// maxConnList bounds what is read of the list of connections: a million has 100 MB.
const maxConnList = 128 << 20

// dropEnded takes those that are over out of the inactive ones: the kernel counts them
// until it forgets them. What cannot be found out stays as it is.
func (c *counter) dropEnded(n counts) {
	wanted := map[ipvs.ConnKey]bool{}
	for k, list := range n {
		for at, v := range list {
			if v.active == 0 && v.inactive > 0 {
				for _, p := range connProtocols(k) {
					wanted[ipvs.ConnKey{Protocol: p, Server: at}] = true
				}
			}
		}
	}
	if len(wanted) == 0 || c.list == "" {
		return
	}
	f, err := os.Open(c.list)
	if err != nil {
		return
	}
	defer f.Close()
	lasting, err := ipvs.Lasting(f, wanted, maxConnList)
	if err != nil {
		return
	}
	for k, list := range n {
		list = maps.Clone(list)
		for at, v := range list {
			sum := 0
			for _, p := range connProtocols(k) {
				sum += lasting[ipvs.ConnKey{Protocol: p, Server: at}]
			}
			v.inactive = min(v.inactive, uint64(sum))
			if v.active == 0 {
				list[at] = v
			}
		}
		n[k] = list
	}
}

// connProtocols are the protocols of the connections of a service.
func connProtocols(k ipvs.Key) []ipvs.Protocol {
	if k.Mark != 0 {
		return []ipvs.Protocol{ipvs.TCP, ipvs.UDP, ipvs.SCTP}
	}
	return []ipvs.Protocol{k.Protocol}
}

func (c *counter) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is lost with it
		c.conn = nil
	}
	clear(c.seen)
}
