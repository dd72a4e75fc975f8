package ipvs

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// many is 1,000 services with four servers each, and ipvsadm's words for them.
func many() (services []Service, servers []Destination, lines string) {
	var b strings.Builder
	for i := range 4 {
		servers = append(servers, rs(i+1, 1))
	}
	for i := range 1000 {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), 80)
		services = append(services, rr(AddressKey(TCP, at)))
		fmt.Fprintf(&b, "-A -t %s -s rr\n", at)
		for _, d := range servers {
			fmt.Fprintf(&b, "-a -t %s -r %s -m -w 1\n", at, d.Addr)
		}
	}
	return services, servers, b.String()
}

// A big table is set in less time than ipvsadm takes, adopted in less, and removed in
// next to none.
func TestKernelBigTable(t *testing.T) {
	h := director(t)
	services, servers, lines := many()
	all := func(r *rig, set func(Service)) time.Duration {
		start := time.Now()
		for _, s := range services {
			set(s)
		}
		for range services {
			if a := wait(t, r.applied, "report"); a.Err != nil {
				t.Fatal(a.Err)
			}
		}
		return time.Since(start)
	}
	r := kernelRig(t, h, time.Hour)
	set := func(r *rig) func(Service) {
		return func(s Service) { r.w.SetWant(1, s, append([]Destination(nil), servers...)) }
	}
	took := map[string]time.Duration{"set": all(r, set(r))}
	if n := len(ipvsadm(t, h, "-S", "-n")); n != 5000 {
		t.Fatalf("%d entries", n)
	}
	r.stop()
	<-r.ended

	again := kernelRig(t, h, time.Hour)
	took["adopt"] = all(again, set(again))
	ipvsadm(t, h, "-D", "-t", services[999].Addr.String())
	start := time.Now()
	again.w.Verify()
	wait(t, again.fixed, "repair")
	took["sweep and repair"] = time.Since(start)
	took["remove"] = all(again, func(s Service) { again.w.Remove(2, s.Key) })
	if n := len(ipvsadm(t, h, "-S", "-n")); n != 0 {
		t.Errorf("%d entries left", n)
	}

	cmd := h.Command("ipvsadm", "-R")
	cmd.Stdin = bytes.NewBufferString(lines)
	start = time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ipvsadm -R: %v\n%s", err, out)
	}
	theirs := time.Since(start)
	t.Logf("1,000 services × 4 servers on the %s kernel: %v; ipvsadm -R %v", netlab.Kernel(), took, theirs)
	for what, d := range took {
		if d > theirs {
			t.Errorf("%s took %v, ipvsadm -R %v", what, d, theirs)
		}
	}
}
