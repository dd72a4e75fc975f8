package lvs

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// manner is how a server treats requests.
type manner int32

const (
	answers manner = iota // with its name
	wrong                 // with another text and status 500
	silent                // accepts and says nothing
)

// web is an HTTP server of this process in a host's namespace. /, and any path not named
// here, gives its name; /slow sends 100 octets every 20 ms until the client has gone.
type web struct {
	t      *testing.T
	host   *netlab.Host
	name   string
	addr   string // address:port
	manner atomic.Int32
	quiet  atomic.Pointer[chan struct{}] // closed when silence ends
	server *http.Server
	served atomic.Int64
}

// serve starts a server on the host; it ends with the test.
func serve(t *testing.T, h *netlab.Host, name, addr string) *web {
	t.Helper()
	w := &web{t: t, host: h, name: name, addr: addr}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func (w *web) start() {
	w.t.Helper()
	quiet := make(chan struct{})
	w.quiet.Store(&quiet)
	w.manner.Store(int32(answers))
	var l net.Listener
	var err error
	w.host.Do(func() { l, err = net.Listen("tcp", w.addr) })
	if err != nil {
		w.t.Fatalf("%s: %v", w.name, err)
	}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: time.Minute}
	go func(s *http.Server) { _ = s.Serve(l) }(w.server)
}

// stop makes the server's port refuse connections and resets those it has.
func (w *web) stop() {
	w.become(answers)
	_ = w.server.Close()
}

// become changes how the server treats requests, those that wait included.
func (w *web) become(m manner) {
	w.manner.Store(int32(m))
	if m == silent {
		quiet := make(chan struct{})
		w.quiet.Store(&quiet)
		return
	}
	quiet := w.quiet.Load()
	select {
	case <-*quiet:
	default:
		close(*quiet)
	}
}

func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	switch manner(w.manner.Load()) {
	case silent:
		select {
		case <-*w.quiet.Load():
		case <-r.Context().Done():
			return
		}
	case wrong:
		http.Error(rw, "out of order", http.StatusInternalServerError)
		return
	}
	w.served.Add(1)
	if r.URL.Path == "/slow" {
		w.drip(rw, r)
		return
	}
	_, _ = io.WriteString(rw, w.name+"\n")
}

func (w *web) drip(rw http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(rw, strings.Repeat(w.name[:1], 100)); err != nil {
			return
		}
		rw.(http.Flusher).Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// client asks for things from a host, each time on a connection of its own.
type client struct {
	host *netlab.Host
	http http.Client
}

func newClient(h *netlab.Host) *client {
	c := &client{host: h}
	c.http.Timeout = 5 * time.Second
	c.http.Transport = &http.Transport{DisableKeepAlives: true, DialContext: c.dial}
	return c
}

func (c *client) dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	var d net.Dialer
	c.host.Do(func() { conn, err = d.DialContext(ctx, network, addr) })
	return conn, err
}

// get returns the name of the server that answers.
func (c *client) get(addr string) (string, error) {
	resp, err := c.http.Get("http://" + addr + "/")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return strings.TrimSpace(string(body)), err
}

// count makes n requests and counts the answers by server.
func (c *client) count(t *testing.T, addr string, n int) map[string]int {
	t.Helper()
	by := map[string]int{}
	for range n {
		who, err := c.get(addr)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			who = "nobody"
		}
		by[who]++
	}
	return by
}

// download is a long one: it must lose nothing, whatever happens to the director's daemon.
type download struct {
	who    byte
	octets atomic.Int64
	err    atomic.Pointer[error]
	cancel context.CancelFunc
	ended  chan struct{}
}

// download starts one; it is ended with the test.
func (c *client) download(t *testing.T, addr string) *download {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := &download{cancel: cancel, ended: make(chan struct{})}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	endless := http.Client{Transport: c.http.Transport}
	resp, err := endless.Do(req)
	if err != nil {
		cancel()
		t.Fatalf("a download from %s: %v", addr, err)
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatalf("a download from %s: %v", addr, err)
	}
	d.who = first[0]
	go d.read(resp.Body)
	t.Cleanup(func() {
		cancel()
		<-d.ended
	})
	return d
}

func (d *download) read(body io.ReadCloser) {
	defer close(d.ended)
	defer body.Close()
	buf := make([]byte, 4096)
	for {
		n, err := body.Read(buf)
		d.octets.Add(int64(n))
		if err != nil {
			d.err.Store(&err)
			return
		}
	}
}

// goesOn fails the test unless more arrives.
func (d *download) goesOn(t *testing.T, after string) {
	t.Helper()
	before := d.octets.Load()
	if !netlab.Await(5*time.Second, func() bool { return d.octets.Load() > before+200 }) {
		why := "nothing more came"
		if err := d.err.Load(); err != nil {
			why = (*err).Error()
		}
		t.Fatalf("the download through the virtual address broke after %s: %s", after, why)
	}
}
