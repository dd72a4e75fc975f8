package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/checker/health"
)

// envServe makes the test binary a server that is another process, so that its CPU time
// is not counted: the address and what to answer.
const envServe = "PROBE_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(envServe) != "" {
		serveForBenchmark(os.Getenv(envServe))
	}
	os.Exit(m.Run())
}

func serveForBenchmark(kind string) {
	t := new(testing.T)
	l := listen(t, "127.0.0.1:0")
	fmt.Println(port(l))
	if kind == "tls" {
		p, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
		if err != nil {
			panic(err)
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{p}})
	}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		if kind == "tcp" {
			c.Close()
			continue
		}
		go func() {
			defer c.Close()
			_, _ = c.Read(make([]byte, 4096))
			fmt.Fprint(c, "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
		}()
	}
}

// BenchmarkProbe: cpu-µs/op is what this process spends, the kernel's part included.
func BenchmarkProbe(b *testing.B) {
	for _, kind := range []string{"tcp", "http", "tls"} {
		b.Run(kind, func(b *testing.B) {
			at := separate(b, kind)
			target := tcpCheck(at)
			if kind != "tcp" {
				target = get(at, "/", kind == "tls")
				target.Check.HTTP.URLs[0].Digest = helloDigest
			}
			l := Limit{Brisk: 512, Most: 512, PerSecond: 1e9}
			r := start(b, Limits{l, l, l, l})
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu(b)
			const inFlight = 32
			for i := range b.N {
				if i >= inFlight {
					expectGood(b, r.next(b))
				}
				r.Start(health.Ticket{ID: int32(i)}, target, 0)
			}
			for range min(b.N, inFlight) {
				expectGood(b, r.next(b))
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(time.Microsecond)/float64(b.N), "cpu-µs/op")
		})
	}
}

func expectGood(b *testing.B, f found) {
	if !f.OK {
		b.Fatal(f)
	}
}

// separate starts a server process.
func separate(b *testing.B, kind string) netip.AddrPort {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, self)
	if kind == "tls" {
		cert, key := pair(b)
		c.Args = append(c.Args, cert, key)
	}
	c.Env = append(os.Environ(), envServe+"="+kind)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cancel(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return netip.MustParseAddrPort(line[:len(line)-1])
}

func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
