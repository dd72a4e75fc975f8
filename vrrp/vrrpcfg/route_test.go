package vrrpcfg

import (
	"slices"
	"strings"
	"testing"

	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// withNames reads an instance with the route on a machine that knows names.
func withNames(t *testing.T, names *global.Names, route string) ([]Route, diag.List) {
	t.Helper()
	schema := config.NewSchema(global.Keywords(), Keywords())
	tree, diags := config.Parse(config.MapFiles{"f": instance("V", "virtual_routes {\n"+route+"\n}")}, "f", config.Env{}, schema)
	if len(diags) != 0 {
		t.Fatal(diags)
	}
	g, _ := global.Decode(tree)
	g.Names = names
	cfg, more := Load(tree, g, exist)
	return cfg.Instances[0].Routes, more
}

// TestRouteNames: a name that the machine has is its number, another one drops the route;
// where names are not known every name is good, and two names are not the same.
func TestRouteNames(t *testing.T) {
	t.Parallel()
	names := global.BuiltinNames()
	names.Tables.Read("100 blue\n", 1<<32-1)
	names.Realms.Read("5 inside\n6 outside\n", 1<<16-1)
	routes, diags := withNames(t, names, "10.5.0.0/16 dev eth0 table blue realms inside/outside")
	if len(routes) != 1 || routes[0].Attr(RouteTable) != (Attr{Set: true, N: 100}) || routes[0].Attr(RouteRealms).N != 5<<16|6 || routes[0].Unresolved != "" {
		t.Errorf("%+v\n%v", routes, diags)
	}
	for _, route := range []string{"10.5.0.0/16 dev eth0 table green", "10.5.0.0/16 dev eth0 realms inside/green"} {
		if routes, diags = withNames(t, names, route); len(routes) != 0 || len(said(diags)) != 1 {
			t.Errorf("%s: %+v\n%v", route, routes, diags)
		}
	}
	blue, diags := withNames(t, nil, "10.5.0.0/16 dev eth0 table blue")
	green, _ := withNames(t, nil, "10.5.0.0/16 dev eth0 table green")
	if len(said(diags)) != 0 || len(blue) != 1 || len(green) != 1 || equalRoute(blue[0], green[0]) {
		t.Errorf("%+v\n%+v\n%v", blue, green, diags)
	}
	if routes, diags = withNames(t, nil, "10.5.0.0/16 dev eth0 table 4294967296"); len(routes) != 0 || len(said(diags)) != 1 {
		t.Errorf("a number that is none is taken for a name: %+v\n%v", routes, diags)
	}
}

// TestEqualRoute: whatever is said of a route makes it another one.
func TestEqualRoute(t *testing.T) {
	t.Parallel()
	const plain = "10.5.0.0/16 dev eth0"
	read := func(text string) Route {
		routes, diags := withNames(t, global.BuiltinNames(), text)
		if len(routes) != 1 {
			t.Fatalf("%s: %v", text, diags)
		}
		return routes[0]
	}
	words := strings.Split("via 10.0.0.9|src 10.0.0.1|table 5|metric 0|mtu 5|mtu lock 5|onlink|features ecn|congctl reno|congctl lock reno|no_track|append|"+
		"encap mpls 3|encap mpls 3/4|encap ip id 0|encap ip dst 10.0.0.3|nexthop via 10.0.0.9|nexthop via 10.0.0.9 weight 2|nexthop via 10.0.0.9 nexthop via 10.0.0.8", "|")
	seen := []Route{read(plain)}
	for _, w := range words {
		r := read(plain + " " + w)
		if slices.ContainsFunc(seen, func(o Route) bool { return equalRoute(o, r) }) {
			t.Errorf("with %q it is the same", w)
		}
		if !equalRoute(r, read("\n"+plain+" "+w)) {
			t.Errorf("with %q it is another one on another line", w)
		}
		seen = append(seen, r)
	}
}

// TestDevices: what an instance needs a device for, and what is tracked for it.
func TestDevices(t *testing.T) {
	t.Parallel()
	cfg, diags := load(t, `track_group TG {
group {
V
nosuch
}
}
static_ipaddress {
10.1.0.1/24 dev lo track_group TG
10.1.0.2/24 dev lo track_group TG no_track
10.1.0.3/24 dev lo
}
static_routes {
10.2.0.0/16 dev eth1 track_group TG
}
static_rules {
from 10.0.0.1 iif eth0 oif lo table 5 priority 5 track_group TG
}
`+instance("V", `virtual_routes {
10.5.0.0/16 dev eth1
10.6.0.0/16 dev lo no_track
10.7.0.0/16 nexthop via 10.0.0.9 dev lo
}
virtual_rules {
from 10.0.0.1 iif eth0 oif eth1 table 5 priority 5
iif lo table 5 priority 6 no_track
}`))
	if got := strings.Join(cfg.Instances[0].Devices(), " "); got != "eth1 eth0 eth1" {
		t.Errorf("the instance needs %s\n%v", got, diags)
	}
	var static []string
	for _, d := range cfg.StaticDevices() {
		static = append(static, d.Device+":"+strings.Join(d.Instances, ","))
	}
	if got := strings.Join(static, " "); got != "lo:V eth1:V eth0:V" {
		t.Errorf("static entries need %s", got)
	}
}
