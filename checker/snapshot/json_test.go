package snapshot

import (
	"encoding/json"
	"testing"
	"time"

	"keepalived/checker/health"
	"keepalived/core/clock"
	"keepalived/core/dump"
)

// TestJSON: one server after a failure, with an operator's override and connections.
func TestJSON(t *testing.T) {
	t.Parallel()
	w := start(t, "misc")
	w.exit["/etc/keepalived/m2.sh"] = 1
	w.run(10 * time.Second)
	out := &health.Actions{}
	if !w.d.Override("[10.0.0.100]:tcp:80", "10.0.0.3:80", health.Override{Mode: health.Draining, HasWeight: true, Weight: 5}, out) {
		t.Fatal("no such server")
	}
	s := Take(w.cfg, w.d, Facts{Wall: func(at clock.Instant) dump.Wall { return dump.Wall{Micros: 1e15 + int64(at)/1000} }})
	s.Services[0].Servers[2].Active, s.Services[0].Servers[2].Inactive = 7, 0
	b, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b); b[n-1] != '\n' {
		t.Error("no newline at the end")
	}
	var got struct {
		Services []struct {
			Name    string
			Up      bool  `json:"quorum_up"`
			Total   int64 `json:"weight"`
			Servers []struct {
				Name     string
				Alive    bool
				Since    float64
				Set      bool
				Wanted   int32 `json:"ipvs_weight"`
				Override string
				Active   *int64 `json:"active_connections"`
				Checks   []struct {
					Type  string
					Good  bool   `json:"last_good"`
					Cause string `json:"last_failure"`
					Exit  *int32 `json:"exit_status"`
				} `json:"checkers"`
			} `json:"real_servers"`
		} `json:"virtual_servers"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	v := got.Services[0]
	if v.Name != "[10.0.0.100]:tcp:80" || !v.Up || v.Total != 3 || len(v.Servers) != 3 {
		t.Errorf("service: %+v", v)
	}
	one, two, three := v.Servers[0], v.Servers[1], v.Servers[2]
	if !one.Alive || !one.Set || one.Wanted != 3 || one.Override != "" || one.Active != nil {
		t.Errorf("the good one: %+v", one)
	}
	if k := two.Checks[0]; two.Alive || two.Set || two.Since < 1e9 || k.Good || k.Cause != "exit status" || *k.Exit != 1 || k.Type != "MISC_CHECK" {
		t.Errorf("the bad one: %+v", two)
	}
	if !three.Alive || !three.Set || three.Wanted != 0 || three.Override != "drain, weight 5" || *three.Active != 7 {
		t.Errorf("the drained one: %+v", three)
	}
	for c := health.CauseRefused; c <= health.CauseLocal; c++ {
		if causes[c] == "" {
			t.Errorf("cause %d has no words", c)
		}
	}
}

// TestNeverRan: a script that has not run yet ran at the beginning of time.
func TestNeverRan(t *testing.T) {
	t.Parallel()
	w := start(t, "misc")
	s := Take(w.cfg, w.d, Facts{Wall: func(clock.Instant) dump.Wall { return dump.Wall{} }})
	if got := s.Services[0].Servers[0].Checks[0].LastRan.LateStamp(); got != "0.000000 (Thu Jan  1 00:00:00 1970.000000)" {
		t.Errorf("last ran = %s", got)
	}
	if got := Take(w.cfg, health.New(health.Options{}), Facts{}); len(got.Services) != 0 {
		t.Errorf("services that the Director does not have: %+v", got.Services)
	}
}
