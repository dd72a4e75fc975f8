package config

import (
	"fmt"
	"strings"
	"testing"
)

// manyServers is a configuration of n virtual servers with four real servers each.
func manyServers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "virtual_server 10.%d.%d.1 80 {\n    delay_loop 6\n    lvs_sched wrr\n    lvs_method DR\n    protocol TCP\n\n", i/250, i%250)
		for j := range 4 {
			fmt.Fprintf(&b, "    real_server 10.%d.%d.%d 80 {\n        weight 1 # one\n        TCP_CHECK {\n            connect_timeout 3\n            retry 3\n            delay_before_retry 3\n        }\n    }\n", i/250, i%250, j+2)
		}
		b.WriteString("}\n\n")
	}
	return b.String()
}

func BenchmarkParse10000VirtualServers(b *testing.B) {
	text := manyServers(10000)
	files, schema := MapFiles{"main": text}, testSchema()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		tree, list := Parse(files, "main", Env{}, schema)
		if len(tree.Roots) != 10000 || len(list) != 0 {
			b.Fatalf("%d virtual servers, %s", len(tree.Roots), list.Short(false))
		}
	}
}
