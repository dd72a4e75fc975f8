package main

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/test/netlab"
)

const probeEvery = 10 * time.Millisecond

// prober sends ICMP echo requests to the virtual address through the client's own
// network stack and sees by the hardware address in the replies who answers. So it
// has what any client has: a neighbour entry that the new master must change.
type prober struct {
	target  netip.Addr
	id      uint16
	names   map[string]string // by hardware address
	capture *netlab.Capture
	read    int // frames of the capture already looked at

	mu      sync.Mutex
	answers []answer
	told    int // answers already counted by second
}

// answer is an echo reply as it reached the client.
type answer struct {
	at  time.Time // the kernel's time stamp
	who string
}

// newProber starts probing; it ends with the stage.
func newProber(t *stage, client *netlab.Host, target string, names map[string]string) *prober {
	p := &prober{target: netip.MustParseAddr(target), id: uint16(os.Getpid()), names: names, capture: client.Capture("eth0")}
	var fd int
	var err error
	client.Do(func() { fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP) })
	if err != nil {
		t.Fatalf("the prober's socket: %v", err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		p.send(fd, stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
		_ = unix.Close(fd)
	})
	return p
}

func (p *prober) send(fd int, stop <-chan struct{}) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	to := &unix.SockaddrInet4{Addr: p.target.As4()}
	for seq := uint16(0); ; seq++ {
		select {
		case <-stop:
			return
		case <-tick.C:
			_ = unix.Sendto(fd, p.echo(seq), unix.MSG_DONTWAIT, to) // nobody there: the silence is what we measure
		}
	}
}

// echo is an ICMP echo request without data (RFC 792).
func (p *prober) echo(seq uint16) []byte {
	b := make([]byte, 8)
	b[0] = 8
	binary.BigEndian.PutUint16(b[4:], p.id)
	binary.BigEndian.PutUint16(b[6:], seq)
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
	return b
}

// follow reads what was captured since the last time.
func (p *prober) follow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	pkts := p.capture.Since(p.read)
	p.read += len(pkts)
	for _, pkt := range pkts {
		b := pkt.Data
		if pkt.Outgoing || len(b) < 42 || binary.BigEndian.Uint16(b[12:]) != 0x0800 || b[23] != unix.IPPROTO_ICMP ||
			netip.AddrFrom4([4]byte(b[26:30])) != p.target || b[34] != 0 || binary.BigEndian.Uint16(b[38:]) != p.id {
			continue
		}
		mac := net.HardwareAddr(b[6:12]).String()
		who, ok := p.names[mac]
		if !ok {
			who = mac
		}
		p.answers = append(p.answers, answer{pkt.At, who})
	}
}

// last is the latest answer.
func (p *prober) last() answer {
	p.follow()
	if len(p.answers) == 0 {
		return answer{}
	}
	return p.answers[len(p.answers)-1]
}

// since is the first answer of the host after that instant.
func (p *prober) since(at time.Time, who string) answer {
	p.follow()
	for _, a := range p.answers {
		if a.who == who && a.at.After(at) {
			return a
		}
	}
	return answer{}
}

// silence is the longest time without an answer between two instants.
func (p *prober) silence(from, to time.Time) (longest time.Duration) {
	p.follow()
	prev := from
	for _, a := range p.answers {
		if a.at.Before(from) || a.at.After(to) {
			continue
		}
		longest, prev = max(longest, a.at.Sub(prev)), a.at
	}
	return longest
}

// second tells who answered since it was asked last.
func (p *prober) second(now time.Time) string {
	p.follow()
	count := map[string]int{}
	for _, a := range p.answers[p.told:] {
		count[a.who]++
	}
	p.told = len(p.answers)
	if len(count) == 0 {
		silent := "nobody has ever answered"
		if n := len(p.answers); n > 0 {
			silent = fmt.Sprintf("silent for %.1f s", now.Sub(p.answers[n-1].at).Seconds())
		}
		return fmt.Sprintf("%s: no answer, %s", p.target, silent)
	}
	text := fmt.Sprintf("%s: answered by", p.target)
	for _, mac := range sortedKeys(p.names) {
		if who := p.names[mac]; count[who] > 0 {
			text += fmt.Sprintf(" %s (%s, %d×)", who, mac, count[who])
		}
	}
	return text
}

// sortedKeys lists the hardware addresses by the name of their host.
func sortedKeys(names map[string]string) []string {
	keys := slices.Collect(maps.Keys(names))
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(names[a], names[b]) })
	return keys
}
