package checker

import (
	"fmt"
	"net/netip"
	"strings"

	"keepalived/checker/checkercfg"
	"keepalived/rpc/childapi"
)

// This file finds what an operator means: virtual servers and real servers by key, by
// name as logs and status show it, by address.

// findServer finds a real server of a virtual server. The error says what there is.
func (m *model) findServer(vs, rs string) (*service, int, error) {
	s, err := m.findService(vs)
	if err != nil {
		return nil, 0, err
	}
	i, err := s.findServer(rs)
	return s, i, err
}

func (m *model) findService(word string) (*service, error) {
	if s := m.byKey[word]; s != nil {
		return s, nil
	}
	var found []*service
	for _, s := range m.services {
		if s.named(word) {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, notFound("%q is more than one virtual server; say which: %s", word, listed(found, (*service).title))
	case len(m.services) == 0:
		return nil, notFound("no virtual server is configured")
	}
	return nil, notFound("there is no virtual server %q; there are: %s", word, listed(m.services, (*service).title))
}

func notFound(format string, args ...any) error {
	return &childapi.NotFoundError{Text: fmt.Sprintf(format, args...)}
}

func (s *service) title() string { return s.key }

// named reports whether word is a way to say s.
func (s *service) named(word string) bool {
	c := s.cfg
	if word == c.Name() {
		return true
	}
	switch c.Kind {
	case checkercfg.ByMark:
		n, ok := cutFold(word, "fwmark ")
		if !ok {
			n, ok = cutFold(word, "fwm ")
		}
		return ok && strings.TrimSpace(n) == fmt.Sprint(c.Mark)
	case checkercfg.ByGroup:
		n, ok := cutFold(word, "group ")
		return word == c.Group.Name || ok && strings.TrimSpace(n) == c.Group.Name
	}
	return isAddress(word, c.Addr, c.Port)
}

func cutFold(s, prefix string) (after string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// isAddress reports whether word is ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT.
func isAddress(word string, a netip.Addr, port uint16) bool {
	if at, err := netip.ParseAddrPort(word); err == nil {
		return at == netip.AddrPortFrom(a, port)
	}
	only, err := netip.ParseAddr(strings.Trim(word, "[]"))
	return err == nil && only == a
}

func (s *service) findServer(word string) (int, error) {
	if i, ok := s.byKey[word]; ok {
		return i, nil
	}
	var found []int
	for i, r := range s.cfg.Servers {
		if word == r.Name() || isAddress(word, r.Addr, r.Port) {
			found = append(found, i)
		}
	}
	name := func(r *checkercfg.Server) string { return r.Key() }
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return 0, notFound("%q is more than one real server of %s; say which: %s", word, s.key, listed(s.cfg.Servers, name))
	}
	return 0, notFound("%s has no real server %q; it has: %s", s.key, word, listed(s.cfg.Servers, name))
}

// listed names some of a list.
func listed[T any](list []T, name func(T) string) string {
	const most = 12
	var words []string
	for i, x := range list {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		words = append(words, name(x))
	}
	return strings.Join(words, ", ")
}
