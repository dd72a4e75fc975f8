package lvs

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// How often a watched table is read; a read takes a fraction of a millisecond. Detection
// times are judged by the first.
const (
	closely = 5 * time.Millisecond
	loosely = 50 * time.Millisecond
)

// table follows the ip_vs table of a host: what is in it and when that changed.
type table struct {
	file *os.File

	mu      sync.Mutex
	buffer  [64 << 10]byte
	moments []moment
}

// moment is a state of the table and the instant at which it was first seen.
type moment struct {
	at   time.Time
	text []string // sorted; see readTable
}

// watch follows the host's table until the end of the test.
func watch(t *testing.T, h *netlab.Host, every time.Duration) *table {
	t.Helper()
	w := &table{}
	var err error
	// The thread's own: /proc/net would be the main thread's namespace.
	h.Do(func() { w.file, err = os.Open("/proc/thread-self/net/ip_vs") })
	if err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	w.look()
	go func() {
		defer close(ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				w.look()
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
		w.file.Close()
	})
	return w
}

func (w *table) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	// In one piece: between two reads the kernel loses its place as soon as another
	// network namespace, another test's, has services too.
	n, err := w.file.ReadAt(w.buffer[:], 0)
	now := time.Now()
	text := []string{"unreadable"}
	if err == io.EOF {
		text = readTable(string(w.buffer[:n]))
	}
	if n := len(w.moments); n == 0 || !slices.Equal(w.moments[n-1].text, text) {
		w.moments = append(w.moments, moment{now, text})
	}
}

// readTable gives the services ("TCP 192.0.2.1:80 rr") and their servers ("TCP 192.0.2.1:80 ->
// 10.0.0.1:80 Masq 1") of /proc/net/ip_vs, sorted, without the counters.
func readTable(raw string) []string {
	var all []string
	service := ""
	for line := range strings.Lines(raw) {
		w := strings.Fields(line)
		switch {
		case len(w) < 3 || w[0] == "Prot" || w[0] == "IP" || w[1] == "RemoteAddress:Port":
		case w[0] == "->":
			all = append(all, service+" -> "+endpoint(w[1])+" "+w[2]+" "+w[3])
		default:
			service = w[0] + " " + endpoint(w[1])
			all = append(all, service+" "+strings.Join(w[2:], " "))
		}
	}
	slices.Sort(all)
	return all
}

// endpoint is an address and port of /proc/net/ip_vs as others write them; a firewall mark is
// a bare hexadecimal number.
func endpoint(s string) string {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		mark, _ := strconv.ParseUint(s, 16, 32)
		return strconv.FormatUint(mark, 10)
	}
	port, _ := strconv.ParseUint(s[i+1:], 16, 16)
	if a, err := netip.ParseAddr(strings.Trim(s[:i], "[]")); err == nil {
		return netip.AddrPortFrom(a, uint16(port)).String()
	}
	n, _ := strconv.ParseUint(s[:i], 16, 32)
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), uint16(port)).String()
}

// now is the table as it is.
func (w *table) now() []string {
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moments[len(w.moments)-1].text
}

// since are the states of the table from that instant on, the one it began with first.
func (w *table) since(at time.Time) []moment {
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	first := 0
	for i, m := range w.moments {
		if !m.at.After(at) {
			first = i
		}
	}
	return slices.Clone(w.moments[first:])
}

// quietFor tells for how long the table has been as it is.
func (w *table) quietFor() time.Duration {
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.moments[len(w.moments)-1].at)
}

// has tells whether a server (its address) is in the table, with a service or any.
func has(text []string, server string) bool {
	return slices.ContainsFunc(text, func(l string) bool { return strings.Contains(l, " -> "+server+" ") })
}

// when is the first instant after that one at which the server was there (or not).
func (w *table) when(after time.Time, server string, there bool) (time.Time, bool) {
	for _, m := range w.since(after) {
		if m.at.After(after) && has(m.text, server) == there {
			return m.at, true
		}
	}
	return time.Time{}, false
}

// await waits until the server is in the table, or is not, and returns when that was.
func (w *table) await(t *testing.T, within time.Duration, after time.Time, server string, there bool) time.Time {
	t.Helper()
	word := "in"
	if !there {
		word = "out of"
	}
	var at time.Time
	netlab.Eventually(t, within, fmt.Sprintf("%s %s the table; it is\n%s", server, word, strings.Join(w.now(), "\n")), func() (ok bool) {
		at, ok = w.when(after, server, there)
		return ok
	})
	return at
}

// ipvsadm runs it on the host and returns its lines, sorted, with single blanks.
func ipvsadm(t *testing.T, h *netlab.Host, args ...string) []string {
	t.Helper()
	out, err := h.Command(append([]string{"ipvsadm"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ipvsadm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	lines := strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
	for i, l := range lines {
		lines[i] = strings.Join(strings.Fields(l), " ")
	}
	slices.Sort(lines)
	return lines
}

func TestReadTable(t *testing.T) {
	t.Parallel()
	const raw = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000264:0050 rr persistent 50 FFFFFFFF
  -> C633640A:1F90      Masq    1      3          7         
TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 wlc 
  -> [2001:0db8:0000:0000:0000:0000:0000:000a]:0050      Route   2      0          0         
FWM  0000000A wrr 
`
	want := []string{
		"FWM 10 wrr",
		"TCP 192.0.2.100:80 -> 198.51.100.10:8080 Masq 1",
		"TCP 192.0.2.100:80 rr persistent 50 FFFFFFFF",
		"TCP [2001:db8::1]:80 -> [2001:db8::a]:80 Route 2",
		"TCP [2001:db8::1]:80 wlc",
	}
	if got := readTable(raw); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
