package main

import (
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

func tree(text string) *config.Tree {
	t, _ := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, dialect.Schema())
	return t
}

// inForce are the parts of a configuration that the children have.
func inForce(text string) map[childapi.Role]*config.Tree {
	t := tree(text)
	return map[childapi.Role]*config.Tree{childapi.VRRP: childPart(t, childapi.VRRP), childapi.Checker: childPart(t, childapi.Checker)}
}

func TestConfigChanges(t *testing.T) {
	const text = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\npriority 100\nauthentication {\nauth_type PASS\nauth_pass s3cret\n}\nvirtual_ipaddress {\n10.0.0.1\n}\n}\n"
	if got := configChanges(inForce(text), tree("# no change\n"+text)); got != nil {
		t.Errorf("of the same: %v", got)
	}
	got := configChanges(inForce(text), tree(strings.NewReplacer("100", "110", "s3cret", "an0ther").Replace(text)))
	if len(got) != 2 || got[0].GetObject() != "vrrp_instance V" || got[0].GetKeyword() != "priority" || got[0].GetFrom()[0] != "100" || got[0].GetTo()[0] != "110" ||
		got[0].GetKind() != pb.ConfigChangeKind_CONFIG_CHANGE_KIND_CHANGED {
		t.Errorf("got %v", got)
	}
	for _, c := range got {
		if s := c.String(); strings.Contains(s, "s3cret") || strings.Contains(s, "an0ther") {
			t.Errorf("a secret in %s", s)
		}
	}
	const service = "virtual_server 10.0.0.100 80 {\nlb_algo rr\nreal_server 10.0.0.1 80 {\n}\n}\n"
	if got := configChanges(inForce(service+"global_defs {\nvrrp_version 3\n}\n"+text), tree(service+"global_defs {\nvrrp_version 3\n}\n"+text)); got != nil {
		t.Errorf("of the same, in another order than the children have it: %v", got)
	}
	if got := configChanges(inForce(text+service), tree(text)); len(got) != 1 || got[0].GetObject() != "virtual_server 10.0.0.100 80" {
		t.Errorf("a service is gone: %v", got)
	}
	var many strings.Builder
	for i := range mostChanges + 5 {
		many.WriteString("vrrp_script s" + strings.Repeat("x", i) + " {\nscript /bin/true\n}\n")
	}
	if got := configChanges(inForce(text), tree(text+many.String())); len(got) != mostChanges+1 || got[mostChanges].GetObject() != "5 more" {
		t.Errorf("%d changes, the last %v", len(got), got[len(got)-1])
	}
	if got := configChanges(inForce(text), tree(strings.Replace(text, "vrrp_instance V", "vrrp_instance \xff", 1))); len(got) != 2 || got[0].GetObject() != "vrrp_instance \uFFFD" {
		t.Errorf("what is no UTF-8: %v", got)
	}
}
