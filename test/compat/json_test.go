package compat

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keepalived/test/netlab"
)

// routesOf are the two lists of an instance in keepalived.json that are in the other dump
// as well.
type routesOf struct {
	Data struct {
		Name   string   `json:"iname"`
		Routes []string `json:"vroutes"`
		Rules  []string `json:"vrules"`
	} `json:"data"`
}

// keys are the keys of a dump in their order.
func keys(text string) []string { return keyWord.FindAllString(text, -1) }

var keyWord = regexp.MustCompile(`"[a-z_]+":`)

// longestTheir is where 2.2.7 cuts a route off.
const longestTheir = 255

var inKernel = regexp.MustCompile(` \[installed ifindex \d+\]$`)

// TestJSONRoutes: the routes and rules of an instance are in keepalived.json as 2.2.7 has
// them there, and all keys in its order.
func TestJSONRoutes(t *testing.T) {
	netlab.Need(t, "root", "netns", "keepalived")
	all := slices.DeleteFunc(inputs(t), func(in input) bool {
		return !strings.HasPrefix(in.name, "routes: ") || strings.Contains(in.name, "encapsulation nonsense")
	})
	their, our := ask(t, all, func(input) (job, job) { return "rj", "rj" })
	routes, rules := 0, 0
	for i, in := range all {
		want, got := readRoutes(t, in, their[i]), readRoutes(t, in, our[i])
		for _, v := range want {
			routes, rules = routes+len(v.Data.Routes), rules+len(v.Data.Rules)
		}
		if d := cmp.Diff(want, got) + cmp.Diff(keys(their[i].json), keys(our[i].json)); d != "" {
			t.Errorf("%s (-2.2.7 +ours):\n%s", in.name, d)
		}
	}
	t.Logf("%d routes, %d rules", routes, rules)
	if routes < 100 || rules < 50 {
		t.Error("2.2.7 shows less than there is in the inputs")
	}
}

func readRoutes(t *testing.T, in input, a answer) []routesOf {
	t.Helper()
	var out []routesOf
	if a.json == "" && !strings.Contains(a.vrrp, "VRRP Instance") {
		return nil // none is written
	}
	if err := json.Unmarshal([]byte(a.json), &out); err != nil {
		t.Errorf("%s: %v\n%s", in.name, err, a.log)
	}
	for i := range out {
		for j, r := range out[i].Data.Routes {
			r = inKernel.ReplaceAllString(r, "")
			out[i].Data.Routes[j] = r[:min(len(r), longestTheir)]
		}
	}
	return out
}
