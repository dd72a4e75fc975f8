package snapshot_test

import (
	"bytes"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keepalived/core/dump"
	"keepalived/test/exporters"
	. "keepalived/vrrp/snapshot"
)

// goldens are the dumps that keepalived 2.2.7 wrote of the configurations beside them
// in testdata, with the state it was in. differs are the values in which ours is
// deliberately another one.
var goldens = []struct {
	name    string
	picture *Snapshot
	differs []string
}{
	{"sync", syncPicture(), []string{"Password = 1111", "Password = ********", `"auth_data":"1111"`, `"auth_data":"********"`}},
	{"backup", backupPicture(), []string{"Password = secret12", "Password = ********", `"auth_data":"secret12"`, `"auth_data":"********"`}},
	{"odd", oddPicture(), []string{`"auth_data":"abc"`, `"auth_data":"********"`}},
	{"fault", faultPicture(), nil},
	{"static", staticPicture(), nil},
	{"flags", flagsPicture(), nil},
	// Before it has heard a master 2.2.7 shows whatever address it wrote last.
	{"scripts", scriptsPicture(), []string{"Master router = 224.0.0.18", "Master router = 0.0.0.0"}},
	{"links", linksPicture(), nil},
	{"notify", notifyPicture(), nil},
}

// hostSettings are what 2.2.7 has changed of the host or read of it: sysctls that we
// leave alone, so these lines always show 0 and rp_filter is never there.
var hostSettings = regexp.MustCompile(`(?m)^   (rp_filter|Original|Reset).*\n`)

// stamps are times of day; TestStamp of core/dump has their form.
var stamps = regexp.MustCompile(`\d{10}\.\d{6}( \(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d(\.\d{6} \d{4}| \d{4}\.\d{6})\))?`)

// observed reads a golden; empty when 2.2.7 wrote no such file.
func observed(t *testing.T, file string, differs []string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.NewReplacer(differs...).Replace(string(b))
}

// plain masks what cannot be the same twice.
func plain(text string) string {
	return hostSettings.ReplaceAllString(stamps.ReplaceAllString(text, "TIME"), "")
}

func TestGolden(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			differs := g.differs
			if g.name == "scripts" {
				// The last of its unheard masters would be an IPv6 one.
				differs = append(differs, "Using Native IPv6\n   State = BACKUP\n   Master router = 224.0.0.18", "Using Native IPv6\n   State = BACKUP\n   Master router = ::")
			}
			data := observed(t, g.name+".data", differs)
			topology := strings.Index(data, "umask = 0177\n") + len("umask = 0177\n")
			g.picture.Global = []byte(data[:topology])
			json, err := g.picture.JSON()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				file, want string
				got        []byte
			}{
				{".data", data, g.picture.Text()},
				{".stats", observed(t, g.name+".stats", nil), g.picture.Stats()},
				{".json", observed(t, g.name+".json", g.differs), json},
			} {
				if diff := cmp.Diff(strings.Split(plain(c.want), "\n"), strings.Split(plain(string(c.got)), "\n")); diff != "" {
					t.Errorf("%s (-2.2.7 +ours):\n%s", g.name+c.file, diff)
				}
			}
			if json == nil {
				return
			}
			if err := exporters.Check(g.picture.Text(), g.picture.Stats(), json); err != nil {
				t.Errorf("an exporter could not read it: %v", err)
			}
		})
	}
}

// TestGoldensAreReadable: the contract is that of 2.2.7's own dumps.
func TestGoldensAreReadable(t *testing.T) {
	for _, g := range goldens {
		data, stats, json := observed(t, g.name+".data", g.differs), observed(t, g.name+".stats", nil), observed(t, g.name+".json", g.differs)
		if json == "" {
			continue
		}
		if err := exporters.Check([]byte(data), []byte(stats), []byte(json)); err != nil {
			t.Errorf("%s: %v", g.name, err)
		}
	}
}

// TestRenderingKeepsTheSnapshot: the section Global is shared by every dump of a
// generation.
func TestRenderingKeepsTheSnapshot(t *testing.T) {
	s := syncPicture()
	s.Global = append(make([]byte, 0, 1<<16), "------< Global definitions >------\n"...)
	first := s.Text()
	s.Instances[0].Name = "other"
	_ = s.Text()
	if !bytes.Contains(first, []byte("VRRP Instance = VI_1\n")) {
		t.Error("a second rendering wrote into the first")
	}
}

var when = dump.Wall{Micros: 1795244803693310, Day: "Sat Nov 21 07:06:43", Year: 2026}

func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// vip is an installed address with the defaults of its family.
func vip(p, dev string, change ...func(*Address)) Address {
	a := Address{Prefix: prefix(p), Dev: dev, Scope: "global", Set: true}
	if a.Prefix.Addr().Is6() {
		a.Deprecated = a.Prefix.IsSingleIP()
		a.Forever = !a.Deprecated
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func unset(a *Address)    { a.Set = false }
func noTrack(a *Address)  { a.NoTrack = true }
func filtered(a *Address) { a.Filtered = true }

// router is a MASTER of version 2 with priority 100 on eth0 that has sent 3 adverts.
func router(name string, vrid uint8, change func(*Instance)) Instance {
	v := Instance{
		Name: name, Version: 2, State: Master, Want: Master, Since: when, ReadTimeout: when,
		MasterDown: 3609375 * time.Microsecond, Interface: "eth0", IfIndex: 2, Source: ip("198.18.9.1"), MulticastAddr: ip("224.0.0.18"),
		GarpDelay: 5 * time.Second, GarpRepeat: 5, GarpRefreshRepeat: 1, GarpLowerDelay: 5 * time.Second, GarpLowerRepeat: 5,
		DownTimerAdverts: 3, VRID: vrid, Priority: 100, Effective: 100, Total: 100, AdvertInt: time.Second, MasterAdver: time.Second,
		Accept: true, Preempt: true, UnicastTTL: 255, FdIn: 13, FdOut: 14,
		Counters: Counters{AdvertsSent: 3, BecameMaster: 1},
	}
	change(&v)
	return v
}

// priority sets base, effective and total.
func (p prio) of(v *Instance) { v.Priority, v.Effective, v.Total = uint8(p), uint8(p), int(p) }

type prio int

// idle is a state in which nothing was sent.
func idle(v *Instance, s State) {
	v.State, v.Want, v.Counters = s, s, Counters{}
	if s == Fault {
		v.ReadTimeout = dump.Wall{}
	}
}

func fds(v *Instance, in int) { v.FdIn, v.FdOut = in, in+1 }

func pool(in int, dev string, members ...PoolMember) Pool {
	return Pool{FdIn: in, FdOut: in + 1, Interface: dev, Members: members}
}

var loopback = Interface{Name: "lo", Index: 1, IPv4: ip("127.0.0.1"), Up: true, Running: true, Loopback: true, NoBroadcast: true,
	NoMulticast: true, SeenUp: true, MTU: 65536, HWType: "LOOPBACK"}

// ethernet is one of the two links of the first host.
func ethernet(n int, users ...ScriptUser) Interface {
	return Interface{
		Name: []string{"eth0", "eth1"}[n], Index: int32(2 + n), IPv4: ip([]string{"198.18.9.1", "198.18.10.1"}[n]),
		IPv6: ip([]string{"fe80::ff:fe00:100", "fe80::ff:fe00:101"}[n]), MAC: []string{"02:00:00:00:01:00", "02:00:00:00:01:01"}[n],
		BroadcastMAC: "ff:ff:ff:ff:ff:ff", Up: true, Running: true, SeenUp: true, MTU: 1500, HWType: "ETHERNET", Users: users,
	}
}

func users(names ...string) []ScriptUser {
	out := make([]ScriptUser, len(names))
	for i, n := range names {
		out[i].Instance = n
	}
	return out
}

func root(argv string) Command { return Command{Argv: argv} }

func nobody(argv string) Command { return Command{Argv: argv, UID: 65534, GID: 65534} }
