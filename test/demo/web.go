package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"keepalived/test/netlab"
)

const (
	askEvery = 100 * time.Millisecond
	patience = 300 * time.Millisecond // of the client with a page
)

// web is a server behind the directors; its page is its name.
type web struct {
	t      *stage
	host   *netlab.Host
	name   string
	addr   string
	server *http.Server
}

func newWeb(t *stage, lab *netlab.Lab, lan *netlab.LAN, name, addr string) *web {
	w := &web{t: t, host: lab.Host(name), name: name, addr: addr}
	lab.Attach(lan, w.host, "eth0", addr+"/24")
	w.host.IP("route", "add", "default", "via", gateway)
	w.start()
	t.Cleanup(w.stop)
	return w
}

func (w *web) start() {
	var l net.Listener
	var err error
	w.host.Do(func() { l, err = net.Listen("tcp", w.addr+":80") })
	if err != nil {
		w.t.Fatal(err)
	}
	page := func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintln(rw, w.name) }
	w.server = &http.Server{Handler: http.HandlerFunc(page), ReadHeaderTimeout: time.Second}
	go func(s *http.Server) { _ = s.Serve(l) }(w.server)
}

func (w *web) stop() { _ = w.server.Close() }

// user asks for a page again and again, each time on a connection of its own.
type user struct {
	host *netlab.Host
	http http.Client

	mu    sync.Mutex
	pages []page
	told  int
}

// page is an answer, or the lack of one.
type page struct {
	asked, at time.Time
	from      string // "" none
}

// newUser starts asking; that ends with the stage.
func newUser(t *stage, host *netlab.Host, addr string) *user {
	u := &user{host: host}
	u.http = http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: u.dial}}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(askEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				u.ask("http://" + addr + "/")
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
	})
	return u
}

func (u *user) dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	var d net.Dialer
	u.host.Do(func() { conn, err = d.DialContext(ctx, network, addr) })
	return conn, err
}

func (u *user) ask(url string) {
	p := page{asked: time.Now()}
	if resp, err := u.http.Get(url); err == nil {
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode == http.StatusOK {
			p.from = strings.TrimSpace(string(body))
		}
	}
	p.at = time.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pages = append(u.pages, p)
}

// since are the pages asked for after that instant; the lock is held while f runs.
func (u *user) since(at time.Time, f func(page)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range u.pages {
		if p.asked.After(at) {
			f(p)
		}
	}
}

// firstAnswer is when the first page asked for since then came from that server, "" from any.
func (u *user) firstAnswer(since time.Time, from string) (at time.Time) {
	u.since(since, func(p page) {
		if at.IsZero() && p.from != "" && (from == "" || p.from == from) {
			at = p.at
		}
	})
	return at
}

// lastFailure is when the last page that never came was asked for; without one, since.
func (u *user) lastFailure(since time.Time) time.Time {
	last := since
	u.since(since, func(p page) {
		if p.from == "" {
			last = p.asked
		}
	})
	return last
}

// steadySince tells whether the last n pages asked for since then all came from the server.
func (u *user) steadySince(since time.Time, from string, n int) bool {
	run := 0
	u.since(since, func(p page) {
		run++
		if p.from != from {
			run = 0
		}
	})
	return run >= n
}

// second tells from whom the pages came since it was asked last.
func (u *user) second() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	count := map[string]int{}
	for _, p := range u.pages[u.told:] {
		count[p.from]++
	}
	u.told = len(u.pages)
	text := fmt.Sprintf("pages: web-1 %d×, web-2 %d×", count["web-1"], count["web-2"])
	if count[""] > 0 {
		text += fmt.Sprintf(", none %d×", count[""])
	}
	return text
}
