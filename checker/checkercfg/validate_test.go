package checkercfg

import (
	"slices"
	"strings"
	"testing"

	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
)

func validate(t *testing.T, text string) (Summary, []string) {
	t.Helper()
	tree, diags := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, config.NewSchema(Keywords()))
	s, more := Validate(tree, global.Default())
	var said []string
	for _, d := range append(diags, more...) {
		if d.Severity > diag.Notice {
			said = append(said, d.Summary)
		}
		if !d.Subject.Start().IsValid() && !strings.HasPrefix(d.Summary, "There are") {
			t.Errorf("%q has no place", d.Summary)
		}
	}
	return s, said
}

const head = "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n"

// TestServices: texts observed on 2.2.7. The whole range of keywords and values
// is compared with it in cmd/internal/dialect.
func TestServices(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, text string
		services   int
		said       []string
	}{
		{"complete", head + "real_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}\n}\n", 1, nil},
		{"without anything", "virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 80 {\n}\n}\n", 1, []string{
			"Virtual server [10.0.0.1]:none:80: no protocol set - defaulting to UDP",
			"Virtual server [10.0.0.1]:udp:80: no scheduler set, setting default 'wlc'",
			"Virtual server [10.0.0.1]:udp:80: no forwarding method set, setting default NAT"}},
		{"without real servers", head + "}\n", 0, []string{"Virtual server [10.0.0.1]:tcp:80 has no real servers - ignoring"}},
		{"an undefined group is dropped without a word", "virtual_server group G {\nreal_server 10.0.0.2 80 {\n}\n}\n", 0, nil},
		{"nat_mask is unknown", head + "nat_mask 255.255.255.0\nreal_server 10.0.0.2 80 {\n}\n}\n", 1, []string{"Unknown keyword 'nat_mask'"}},
		{"nb_get_retry is known to HTTP_GET", head + "real_server 10.0.0.2 80 {\nHTTP_GET {\nurl {\npath /\n}\nnb_get_retry 3\n}\n}\n}\n", 1, []string{"nb_get_retry is deprecated - please use 'retry'"}},
		{"nb_get_retry is unknown to TCP_CHECK", head + "real_server 10.0.0.2 80 {\nTCP_CHECK {\nnb_get_retry 3\n}\n}\n}\n", 1, []string{"Unknown keyword 'nb_get_retry'"}},
		{"persistence_timeout 0", head + "persistence_timeout 0\nreal_server 10.0.0.2 80 {\n}\n}\n", 1, []string{"number '0' outside range [1, 2678400]"}},
		{"DR with another port", head + "lb_kind DR\nreal_server 10.0.0.2 8080 {\n}\n}\n", 1, []string{"WARNING - virtual server [10.0.0.1]:tcp:80 and real server [10.0.0.2]:tcp:8080 ports don't match - resetting"}},
		{"a quorum nobody can reach", head + "quorum 5\nreal_server 10.0.0.2 80 {\n}\n}\n", 1, []string{"Warning - quorum 5 for [10.0.0.1]:tcp:80 exceeds total weight of real servers 1, reducing quorum to 1"}},
		{"a server twice", head + "real_server 10.0.0.2 80 {\n}\nreal_server 10.0.0.2 80 {\n}\n}\n", 1, []string{"VS [10.0.0.1]:tcp:80: real server [10.0.0.2]:tcp:80 is duplicated - removing second rs"}},
		{"a checker without url (2.2.7 crashes)", head + "real_server 10.0.0.2 80 {\nHTTP_GET {\n}\n}\n}\n", 1, []string{"HTTP/SSL_GET checker has no urls specified - ignoring"}},
		{"bfd", "bfd_instance B {\nneighbor_ip 10.9.9.9\n}\n" + head + "real_server 10.0.0.2 80 {\nBFD_CHECK {\nname B\n}\n}\n}\n", 1, nil},
	}
	for _, c := range cases {
		s, said := validate(t, c.text)
		if s.Services != c.services || !slices.Equal(said, c.said) {
			t.Errorf("%s: want %d services and %q, got %d and %q", c.name, c.services, c.said, s.Services, said)
		}
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	s, said := validate(t, head+"quorum_up \"/bin/q up\"\nreal_server 10.0.0.2 80 {\nnotify_down /bin/d root\nMISC_CHECK {\nmisc_path \"/bin/m a\"\nuser nobody\n}\n}\n}\n")
	var got []string
	for _, u := range s.Scripts {
		got = append(got, u.Owner+" "+u.Script.String()+" "+u.Script.User)
	}
	want := []string{"[10.0.0.1]:tcp:80 '/bin/q' 'up' ", "[10.0.0.2]:tcp:80 '/bin/d' root", "[10.0.0.2]:tcp:80 '/bin/m' 'a' nobody"}
	if !slices.Equal(got, want) || len(said) != 0 {
		t.Errorf("want %q, got %q, %q", want, got, said)
	}
}
