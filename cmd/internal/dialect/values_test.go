package dialect_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keepalived/test/netlab"
	"keepalived/test/uml"
)

// notRun are keywords that a run of the real daemon cannot be asked about beside others:
// a configuration with any complaint ends it, it wants ip_vs, it looks for a directory.
var notRun = []string{"reload_check_config", "lvs_sync_daemon_interface", "tmp_config_directory", "config_save_dir"}

// TestRowValues holds every row against what the real daemon makes of it: both are run on
// the same configurations, and what they dump of each object must be the same but for
// what depends on the moment. The defaults that rows state must make no difference.
func TestRowValues(t *testing.T) {
	bin := ourDaemon(t)
	ledger := readLedger(t)
	all := sheets(func(c cell) bool {
		_, deliberate := ledger.dump["row "+c.String()]
		switch {
		case c.what == "not whole", c.what == "another kind":
			// What holds then is a rule of the ledger's: "a value that is refused".
			return false
		case c.Path == "global_defs" && deliberate:
			return false // one section has all of them: it could not be told from others
		}
		return !slices.Contains(notRun, c.Name) && c.Path != "SSL" && !strings.HasPrefix(c.Path, "virtual_server") && !ours(alone(c)).diags.HasFatal()
	})
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = s.text.String()
	}
	var their, our []map[string]string
	var both sync.WaitGroup
	both.Go(func() { their = asRun(t, here, netlab.RealKeepalived, texts, dumpFiles[:2]) })
	both.Go(func() { our = asRun(t, here, bin, texts, dumpFiles[:2]) })
	both.Wait()
	r := rowCheck{t: t, ledger: ledger}
	for i, s := range all {
		if their[i]["keepalived.data"] == "" || our[i]["keepalived.data"] == "" {
			t.Errorf("sheet %s: dumps of %d octets of 2.2.7, %d of ours\n%s\n%s", s.name,
				len(their[i]["keepalived.data"]), len(our[i]["keepalived.data"]), tailOf(their[i]["log"]), tailOf(our[i]["log"]))
			continue
		}
		if strings.HasPrefix(s.name, "global") {
			r.globals(s, their[i], our[i])
		} else {
			r.objects(s, their[i]["keepalived.data"], our[i]["keepalived.data"])
		}
	}
	r.globalDefaults(all, their)
	t.Logf("%d values compared with the dump of keepalived 2.2.7, %d of objects that neither shows; %d defaults", r.compared, r.undumped, r.defaults)
}

type rowCheck struct {
	t                            *testing.T
	ledger                       ledgerText
	compared, undumped, defaults int
}

func (r *rowCheck) differs(what, diff string) {
	r.t.Helper()
	known := r.ledger.dump["row "+what].state != ""
	switch {
	case diff != "" && !known:
		r.t.Errorf("%s (-2.2.7 +ours):\n%s", what, diff)
	case diff == "" && known:
		r.t.Errorf("%s: the ledger has it, but there is no difference", what)
	}
}

// objects compares what is dumped of the object of each cell, and of cells that state a
// default, with what is dumped of one without the keyword.
func (r *rowCheck) objects(s *sheet, their, our string) {
	r.t.Helper()
	a, b := sections(their), sections(our)
	absent := map[string]string{}
	for _, c := range s.cells {
		if c.absent {
			absent[c.Path+"/"+c.Name] = anonymous(c, a[c.object])
		}
	}
	for _, c := range s.cells {
		switch {
		case a[c.object] == "" && b[c.object] == "":
			r.undumped++ // an object that is refused
		default:
			r.compared++
			r.differs(c.String(), cmp.Diff(strings.Split(a[c.object], "\n"), strings.Split(b[c.object], "\n")))
		}
		if without, ok := absent[c.Path+"/"+c.Name]; ok && c.what == "default" {
			r.defaults++
			if d := cmp.Diff(without, anonymous(c, a[c.object])); d != "" {
				r.t.Errorf("%s is not the default of 2.2.7 (-without the keyword +with it):\n%s", c, d)
			}
		}
	}
}

// globals compares the section of the global definitions, as the parent and as the VRRP
// child has it.
func (r *rowCheck) globals(s *sheet, their, our map[string]string) {
	r.t.Helper()
	for _, name := range dumpFiles[:2] {
		r.compared += len(s.cells)
		r.differs(s.name+" "+name, cmp.Diff(globalLines(their[name]), globalLines(our[name])))
	}
}

// globalDefaults: with every default said the real daemon is as with nothing said.
func (r *rowCheck) globalDefaults(all []*sheet, their []map[string]string) {
	r.t.Helper()
	at := func(name string) int { return slices.IndexFunc(all, func(s *sheet) bool { return s.name == name }) }
	said, unsaid := at("global default"), at("global absent")
	r.defaults += len(all[said].cells)
	if d := cmp.Diff(globalLines(their[unsaid]["keepalived.data"]), globalLines(their[said]["keepalived.data"])); d != "" {
		r.t.Errorf("a stated default is none of 2.2.7's (-without the keywords +with them):\n%s", d)
	}
}

func globalLines(dump string) []string {
	_, text, _ := strings.Cut(dump, "------< Global definitions >------\n")
	text, _, _ = strings.Cut(text, "------<")
	return strings.Split(plainDump(text), "\n")
}

var (
	header = regexp.MustCompile(`^ (?:(?:VRRP Instance|VRRP Script|VRRP Track BFD|VRRP Track process|Track file|VRRP Sync Group|Name) = (\w+?)[abi]?(?:,.*)?|` +
		`VS VIP = (10\.33\.\d+\.\d+), .*|\[(10\.33\.\d+\.\d+)\]:\w+:\d+ -> .*)$`)
	// garpGroup is a part of the dump about a garp_group: the last of its interfaces is
	// called after it.
	garpGroup = regexp.MustCompile(`------< GARP delay group .*\n(?: .*\n)*?  (K\d+)\n`)
	// volatile are the lines that depend on the moment.
	volatile = regexp.MustCompile(`(?m)^ *(State|Master router|Master priority|Flags|Wantstate|Number of|Last transition|Read timeout|Master down timer|` +
		`fd_in|No sockets|Result|Status|Init state|Insecure|rp_filter|Original|Reset|Last ran|Last status|Up|Has run|Current weight|Retries iterations|` +
		`alive|quorum_state_up|reloaded|effective weight|previous effective_weight|num failed checkers|RS set|Failed URL)\b.*\n`)
	stamp = regexp.MustCompile(`\d{10}\.\d{6} \(.*\)`)
	// idle are the checkers that do not run yet and say so.
	idle = regexp.MustCompile(`(?m)^   Enabled = .*\n((?:   .*\n)*?   Keepalive method = (?:SMTP|DNS|UDP|PING|BFD|FILE)_CHECK)$`)
	// passing is what a line has of the moment: whether an address is there by now, and
	// a priority that a first result has changed.
	passing = regexp.MustCompile(`(?m)( set$| EFF WEIGHT = \d+|^   (?:Effective|Total) priority = -?\d+\n)`)
	secret  = regexp.MustCompile(`Password = .*`)
	// ofMachine are lines of the global definitions about the machine's users and about
	// what scheduling the process has.
	ofMachine = regexp.MustCompile(`(?m)^ (current realtime|Default script uid:gid|(Startup|Shutdown) script = ).*\n`)
)

func plainDump(s string) string {
	s = idle.ReplaceAllString(s, "$1")
	s = passing.ReplaceAllString(stamp.ReplaceAllString(volatile.ReplaceAllString(s, ""), "TIME"), "")
	return secret.ReplaceAllString(ofMachine.ReplaceAllString(s, ""), "Password = ********")
}

// sections are the parts of a dump by the object of a sheet that they speak of.
func sections(dump string) map[string]string {
	out := map[string]string{}
	for _, m := range garpGroup.FindAllStringSubmatch(dump, -1) {
		out[m[1]] = m[0]
	}
	object := ""
	for line := range strings.Lines(dump) {
		if m := header.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			object = m[1] + m[2] + m[3]
		} else if !strings.HasPrefix(line, "  ") {
			object = ""
		}
		if object != "" {
			out[object] += line
		}
	}
	for k, v := range out {
		out[k] = plainDump(v)
	}
	return out
}

var numbered = regexp.MustCompile(`(?m)(Virtual Router ID = |10\.66\.|10\.55\.|10\.33\.|10\.44\.)[\d.]+`)

// anonymous takes out of a section what tells one object from another.
func anonymous(c placed, section string) string {
	return numbered.ReplaceAllString(regexp.MustCompile(`\b`+c.object+`([abi]?)\b`).ReplaceAllString(section, "K$1"), "$1")
}

// TestRowChecks holds the rows of virtual servers, real servers and checkers against what
// the real healthchecker makes of them, on a kernel that has ip_vs.
func TestRowChecks(t *testing.T) {
	bin := ourDaemon(t)
	if why := uml.Missing(); why != "" {
		netlab.Need(t, "cmd:linux.uml")
	}
	ledger := readLedger(t)
	all := sheets(func(c cell) bool {
		return c.what != "not whole" && c.what != "another kind" && strings.HasPrefix(c.Path, "virtual_server") && !ours(alone(c)).diags.HasFatal()
	})
	texts := []string{all[0].text.String()}
	var their, our map[string]string
	var both sync.WaitGroup
	both.Go(func() { their = asRun(t, inUML, netlab.RealKeepalived, texts, dumpFiles[2:])[0] })
	both.Go(func() { our = asRun(t, inUML, bin, texts, dumpFiles[2:])[0] })
	both.Wait()
	a, b := their["keepalived_check.data"], our["keepalived_check.data"]
	if a == "" || b == "" {
		t.Fatalf("dumps of %d octets of 2.2.7, %d of ours\n%s\n%s", len(a), len(b), tailOf(their["log"]), tailOf(our["log"]))
	}
	r := rowCheck{t: t, ledger: ledger}
	r.objects(all[0], a, b)
	t.Logf("%d values compared with the dump of keepalived 2.2.7, %d of what we do not dump yet; %d defaults", r.compared, r.undumped, r.defaults)
}

func tailOf(s string) string { return s[max(0, len(s)-600):] }
