package dialect_test

import (
	"fmt"
	"strings"
	"testing"

	"keepalived/checker/checkercfg"
	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
	"keepalived/core/global"
	"keepalived/vrrp/vrrpcfg"
)

// manyInstances is n instances with an address each.
func manyInstances(n int) probe {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "vrrp_instance V%d {\n state BACKUP\n interface eth%d\n virtual_router_id %d\n priority 100\n advert_int 1\n virtual_ipaddress {\n  10.%d.%d.1/24\n }\n}\n",
			i, i/255, i%255+1, i/200, i%200)
	}
	return probe{name: "instances", text: b.String()}
}

// manyServices is n virtual servers with four real servers each.
func manyServices(n int) probe {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "virtual_server 10.%d.%d.1 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n", i/200, i%200)
		for k := range 4 {
			fmt.Fprintf(&b, " real_server 11.%d.%d.%d 80 {\n  weight 1\n  TCP_CHECK {\n   connect_timeout 3\n  }\n }\n", i/200, i%200, k)
		}
		b.WriteString("}\n")
	}
	return probe{name: "services", text: b.String()}
}

func benchmark(b *testing.B, p probe) {
	b.ReportAllocs()
	for b.Loop() {
		ours(p)
	}
}

func BenchmarkInstances4000(b *testing.B) { benchmark(b, manyInstances(4000)) }
func BenchmarkServices10000(b *testing.B) { benchmark(b, manyServices(10000)) }

// BenchmarkReload is what a reload of an unchanged file costs all three processes
// together, without the way between them (rpc/childapi has a benchmark of that):
// reading and checking in the parent, decoding and comparing in both children.
func BenchmarkReload(b *testing.B) {
	for _, p := range []probe{manyInstances(4000), manyServices(10000)} {
		b.Run(p.name, func(b *testing.B) {
			files, env := config.MapFiles{"main": p.text}, config.Env{}
			schema := dialect.Schema()
			runs := func() (*vrrpcfg.Config, *checkercfg.Config) {
				tree, _ := config.Parse(files, "main", env, schema)
				dialect.Check(tree, nil, nil)
				g, _ := global.Decode(tree)
				v, _ := vrrpcfg.Load(tree, g, nil)
				c, _ := checkercfg.Load(tree, g)
				return v, c
			}
			v, c := runs()
			b.ReportAllocs()
			for b.Loop() {
				toV, toC := runs()
				if plan := vrrpcfg.Diff(v, toV); len(plan.Changed) > 0 {
					b.Fatal("something has changed")
				}
				checkercfg.Diff(c, toC)
			}
		})
	}
}
