package ipvs

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// ErrManyConns says that the list of connections is too long to be read through.
var ErrManyConns = errors.New("too many connections to look at each")

// ConnKey is a destination as connections name it: they do not tell by which service
// they came.
type ConnKey struct {
	Protocol Protocol
	Server   netip.AddrPort
}

// Lasting reads a list of connections in the form of /proc/net/ip_vs_conn and counts those
// of the wanted destinations that go on. One that is over is in the list, and in the
// kernel's number of inactive ones, for up to two minutes more (TIME_WAIT); templates of
// persistence are none. At most limit octets are read; then the error is ErrManyConns.
func Lasting(list io.Reader, wanted map[ConnKey]bool, limit int64) (map[ConnKey]int, error) {
	in := io.LimitedReader{R: list, N: limit}
	lines := bufio.NewScanner(&in)
	found := map[ConnKey]int{}
	for lines.Scan() {
		k, lasting := connection(lines.Text())
		if lasting && wanted[k] {
			found[k]++
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the connections of ip_vs: %w", err)
	}
	if in.N <= 0 {
		return nil, ErrManyConns
	}
	return found, nil
}

// connection reads one line:
//
//	Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
//	TCP C0A80001 9C40 0A000064 0050 0A000001 0050 ESTABLISHED     899
func connection(line string) (k ConnKey, lasting bool) {
	f := strings.Fields(line)
	if len(f) < 8 {
		return k, false
	}
	switch f[0] {
	case "TCP":
		k.Protocol = TCP
	case "UDP":
		k.Protocol = UDP
	case "SCTP":
		k.Protocol = SCTP
	default:
		return k, false
	}
	addr, ok := connAddr(f[5])
	port, err := strconv.ParseUint(f[6], 16, 16)
	if !ok || err != nil {
		return k, false
	}
	k.Server = netip.AddrPortFrom(addr, uint16(port))
	switch f[7] {
	case "TIME_WAIT", "CLOSE", "CLOSED":
		return k, false
	}
	return k, f[2] != "0000" // a template has no port of a client
}

// connAddr reads an address: hexadecimal for IPv4, its usual form for IPv6.
func connAddr(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a, true
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return netip.Addr{}, false
	}
	a, ok := netip.AddrFromSlice(b)
	return a, ok
}
