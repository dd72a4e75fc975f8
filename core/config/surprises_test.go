package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keepalived/core/diag"
)

// The grammar surprises, numbered as in the notes made when 2.2.7 was watched.
// Those that are about values (7 to 17, 22 to 24) are the decoders' to test.
var surprises = []struct {
	name string
	text string
	tree string // Print of the tree, "\t" shown as one blank, lines joined by "; "
	said string // keepalived's form of the findings, joined by "; "
}{
	{name: "1: }} and } } on one line",
		text: "vrrp_instance V {\nauthentication {\nauth_type PASS\n}}\nvrrp_instance W {\nauthentication {\n} }\n",
		tree: "vrrp_instance V {;  authentication {;   auth_type PASS;  }; }; vrrp_instance W {;  authentication {;  }; }"},
	{name: "1: a value before }",
		text: "vrrp_instance V {\nstate MASTER }\nvrrp_instance W {\nstate BACKUP}\n",
		tree: "vrrp_instance V {;  state MASTER; }; vrrp_instance W {;  state BACKUP; }"},
	{name: "1: keyword{",
		text: "vrrp_instance V{\ntrack_interface{\neth0\n}\n}\n",
		tree: "vrrp_instance V {;  track_interface {;   eth0;  }; }"},
	{name: "1: brace on the next line, behind blank lines and comments",
		text: "vrrp_instance V\n\n# {\n  ! }\n{\nstate MASTER\n}\n",
		tree: "vrrp_instance V {;  state MASTER; }"},
	{name: "2: a line is one keyword, the rest is dropped in silence",
		text: "vrrp_instance V {\nadvert_int 2 preempt_delay 5\nauthentication { auth_type PASS auth_pass ab }\n}\n",
		tree: "vrrp_instance V {;  advert_int 2 preempt_delay 5;  authentication {;   auth_type PASS auth_pass ab;  }; }"},
	{name: "2: list blocks on one line keep their words",
		text: "vrrp_sync_group G {\ngroup { A B }\n}\n",
		tree: "vrrp_sync_group G {;  group {;   A B;  }; }"},
	{name: "3: surplus words are no finding",
		text: "vrrp_instance V {\nnopreempt yes please // why ;\npriority 90;\n}\n",
		tree: "vrrp_instance V {;  nopreempt yes please // why ;;  priority 90;; }"},
	{name: "4: comments begin anywhere, even glued",
		text: "vrrp_instance V { # { {\npriority 90#c\nnotify /bin/true#x\n! }\nrouter_id\n}\n",
		tree: "vrrp_instance V {;  priority 90;  notify /bin/true; }",
		said: "(Line 5) Unknown keyword 'router_id'"},
	{name: "4: but not inside double quotes",
		text: "global_defs {\nnotification_email {\n\"a#b!{c}\" # x\n}\n}\n",
		tree: "global_defs {;  notification_email {;   \"a#b!{c}\";  }; }"},
	{name: "4: // is an unknown keyword",
		text: "// vrrp_instance V {\n}\n",
		said: "(Line 1) Unknown keyword '//'; (Line 1) block '//' is skipped whole"},
	{name: "5: an unknown block is skipped whole; it is said what 2.2.7 would make of it",
		text: "vrrp_instance V {\nfrob {\npriority 50\n}\nadvert_int 2\n}\n",
		tree: "vrrp_instance V {;  advert_int 2; }",
		said: "(Line 2) Unknown keyword 'frob'; (Line 2) block 'frob' is skipped whole; in effect, which keepalived 2.2.7 would lose: advert_int (line 5); " +
			"not in effect, which 2.2.7 would take for the block around it: priority (line 3)"},
	{name: "5: unknown blocks in unknown blocks, and what stands behind them in every block",
		text: "virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 80 {\nfrob { a { } b { } }\nweight 1\n}\ndelay_loop 3\n}\nglobal_defs {\n}\n",
		tree: "virtual_server 10.0.0.1 80 {;  real_server 10.0.0.2 80 {;   weight 1;  };  delay_loop 3; }; global_defs {; }",
		said: "(Line 3) Unknown keyword 'frob'; (Line 3) block 'frob' is skipped whole; in effect, which keepalived 2.2.7 would lose: weight (line 4), delay_loop (line 6)"},
	{name: "5: with a } missing, a block ends where one begins that only an outer block knows",
		text: "vrrp_instance V {\npriority 5\nvirtual_ipaddress {\n10.0.0.1\n}\nvrrp_instance W {\npriority 6\n}\nglobal_defs {\n}\n",
		tree: "vrrp_instance V {;  priority 5;  virtual_ipaddress {;   10.0.0.1;  }; }; vrrp_instance W {;  priority 6; }; global_defs {; }",
		said: "(Line 6) Missing '}' before 'vrrp_instance': 'vrrp_instance' of line 1 ends here; There are 1 missing '}'s or extra '{'s"},
	{name: "5: without one, it is an unknown block",
		text: "vrrp_instance V {\npriority 5\nvrrp_script W {\nweight 6\n}\nadvert_int 3\n}\n",
		tree: "vrrp_instance V {;  priority 5;  advert_int 3; }",
		said: "(Line 3) Unknown keyword 'vrrp_script'; (Line 3) block 'vrrp_script' is skipped whole; in effect, which keepalived 2.2.7 would lose: advert_int (line 6)"},
	{name: "5: TCP_CHECK directly in virtual_server loses no real server",
		text: "virtual_server 10.0.0.1 80 {\nTCP_CHECK {\n}\nreal_server 10.0.0.2 80 {\nweight 1\n}\n}\n",
		tree: "virtual_server 10.0.0.1 80 {;  real_server 10.0.0.2 80 {;   weight 1;  }; }",
		said: "(Line 2) Unknown keyword 'TCP_CHECK'; (Line 2) block 'TCP_CHECK' is skipped whole; in effect, which keepalived 2.2.7 would lose: real_server (line 4)"},
	{name: "6: a missing last } is said, the block is used",
		text: "vrrp_instance V {\npriority 50\nauthentication {\n",
		tree: "vrrp_instance V {;  priority 50;  authentication {;  }; }",
		said: "There are 2 missing '}'s or extra '{'s"},
	{name: "6: an extra } is said and skipped",
		text: "vrrp_instance V {\n}\n}\nvrrp_instance W {\n}\n",
		tree: "vrrp_instance V {; }; vrrp_instance W {; }",
		said: "(Line 3) Extra '}' found; (Line 3) Unknown keyword '}'"},
	{name: "6: a missing { is said, the block is read",
		text: "vrrp_instance V\npriority 50\n}\n",
		tree: "vrrp_instance V {;  priority 50; }",
		said: "(Line 2) Missing '{' at beginning of configuration block; (Line 3) Extra '}' found"},
	{name: "6: a list without {: 2.2.7 reads it in silence, here it is a note",
		text: "vrrp_instance V {\ntrack_interface\neth0\n}\npriority 5\n}\n",
		tree: "vrrp_instance V {;  track_interface {;   eth0;  };  priority 5; }",
		said: "(Line 3) Missing '{' at beginning of configuration block; (Line 6) Extra '}' found"},
	{name: "6: words before the { of a list",
		text: "vrrp_instance V {\ntrack_interface a b {\neth0\n}\n}\n",
		tree: "vrrp_instance V {;  track_interface a b {;   eth0;  }; }",
		said: "(Line 2) Block track_interface has extra parameters a ..."},
	{name: "9: the order of the file is kept",
		text: "vrrp_instance V {\n}\nglobal_defs {\n}\nvrrp_script s {\n}\nglobal_defs {\n}\n",
		tree: "vrrp_instance V {; }; global_defs {; }; vrrp_script s {; }; global_defs {; }"},
	{name: "18: double quotes join words, single quotes do not",
		text: "global_defs {\nrouter_id \"a b\"\nrouter_id 'a b'\nrouter_id \"\"\n}\n",
		tree: "global_defs {;  router_id \"a b\";  router_id 'a b';  router_id \"\"; }"},
	{name: "18: a quote inside a word begins a new one",
		text: "global_defs {\nrouter_id ab\"c d\"ef\n}\n",
		tree: "global_defs {;  router_id ab \"c d\" ef; }"},
	{name: "18: a line with an odd quote loses its end, the next is unharmed",
		text: "vrrp_instance V {\nnopreempt \"x y\nadvert_int 2\n}\n",
		tree: "vrrp_instance V {;  nopreempt;  advert_int 2; }",
		said: "(Line 2) Unterminated quote 'nopreempt \"x y'; (Line 2) Unmatched quote: 'nopreempt \"x y'"},
	{name: "18: a script line with an odd quote is the shell tokenizer's",
		text: "vrrp_instance V {\nnotify \"/bin/x 'a\nnotify_master '/bin/y\n}\n",
		tree: "vrrp_instance V {;  notify \"/bin/x 'a;  notify_master '/bin/y; }",
		said: "(Line 2) Unterminated quote 'notify \"/bin/x 'a'; (Line 2) String 'notify \"/bin/x 'a': missing terminating \"; " +
			"(Line 3) String 'notify_master '/bin/y': missing terminating '"},
	{name: "18: typographic quotes and full-width braces are letters",
		text: "global_defs {\nrouter_id “a b”\nrouter_id ｛\n}\n",
		tree: "global_defs {;  router_id “a b”;  router_id ｛; }",
		said: "(Line 2) U+201C is a typographic quote and counts as a letter; (Line 3) U+FF5B is a full-width character and counts as a letter"},
	{name: "18: in quotes they are meant",
		text: "global_defs {\nrouter_id \"“a b”\"\n# ｛\n}\n",
		tree: "global_defs {;  router_id \"“a b”\"; }"},
	{name: "19: CRLF, tabs, VT, FF are white space",
		text: "global_defs\v{\r\n\trouter_id\fa\t\r\n}\r\n",
		tree: "global_defs {;  router_id a; }"},
	{name: "19: NUL ends the line",
		text: "global_defs {\nrouter_id a\x00 b }\nvrrp_strict\n}\n",
		tree: "global_defs {;  router_id a;  vrrp_strict; }"},
	{name: "19: CR alone ends no line",
		text: "global_defs {\rrouter_id a\rvrrp_strict\r}\r",
		tree: "global_defs {;  router_id a vrrp_strict; }"},
	{name: "19: a byte order mark is passed over",
		text: "\uFEFFglobal_defs {\nrouter_id a\n}\n",
		tree: "global_defs {;  router_id a; }",
		said: "(Line 1) the file begins with a byte order mark, which is passed over"},
	{name: "19: a byte order mark before a comment does no harm",
		text: "\uFEFF! c\nglobal_defs {\n}\n",
		tree: "global_defs {; }",
		said: "(Line 1) the file begins with a byte order mark, which is passed over"},
	{name: "19: a no-break space is a letter",
		text: "global_defs {\n\u00a0router_id a\nrouter_id\u00a0b\nrouter_id a\u00a0\n}\n",
		tree: "global_defs {;  router_id a\u00a0; }",
		said: "(Line 2) U+00A0 is a non-breaking space and counts as a letter; (Line 2) Unknown keyword '\u00a0router_id'; " +
			"(Line 3) U+00A0 is a non-breaking space and counts as a letter; (Line 3) Unknown keyword 'router_id\u00a0b'; " +
			"(Line 4) U+00A0 is a non-breaking space and counts as a letter"},
	{name: "20: include inside a block, braces balanced across files",
		text: "include open\npriority 5\ninclude close\nvrrp_instance W {\ninclude inner\n}\n",
		tree: "vrrp_instance V {;  state MASTER;  priority 5; }; vrrp_instance W {;  priority 7; }"},
	{name: "20: a missing file is no error",
		text: "include nosuch\ninclude nosuch*\ninclude d\nvrrp_instance W {\n}\n",
		tree: "vrrp_instance W {; }",
		said: "(Line 1) Config files missing 'nosuch'.; (Line 3) Configuration file 'd/' is a directory - skipping"},
	{name: "20: relative to the including file",
		text: "include d/*.conf\n",
		tree: "vrrp_instance X {;  priority 9; }"},
	{name: "20: a loop ends in one finding",
		text: "include loop\nvrrp_instance W {\n}\n",
		said: "(loop: Line 1) include loop: 'main' is being read already"},
	{name: "21: definitions",
		text: "$P=50\n$N=V $P\nvrrp_instance ${N} {\npriority $P\nadvert_int $Q\n}\n",
		tree: "vrrp_instance V 50 {;  priority 50;  advert_int $Q; }",
		said: "(Line 5) $Q is not defined and stays as it is"},
	{name: "21: ${NAME} that is not defined is no brace",
		text: "$PRIO=5\nvrrp_instance V {\npriority ${PIRO}\nstate x${Q}y\nadvert_int ${PRIO}\ntrack_interface {\neth${N}\n}\n}\nfrob_${Z} {\n}\n",
		tree: "vrrp_instance V {;  priority \"${PIRO}\";  state \"x${Q}y\";  advert_int 5;  track_interface {;   \"eth${N}\";  }; }",
		said: "(Line 3) ${PIRO} is not defined and stays as it is; (Line 4) ${Q} is not defined and stays as it is; (Line 7) ${N} is not defined and stays as it is; " +
			"(Line 10) ${Z} is not defined and stays as it is; (Line 10) Unknown keyword 'frob_${Z}'; (Line 10) block 'frob_${Z}' is skipped whole"},
	{name: "21: a definition of several lines",
		text: "$B=state $S \\\n priority ${P} \\\n nopreempt\n$S=MASTER\n$P=7\nvrrp_instance V {\n$B\n}\n",
		tree: "vrrp_instance V {;  state MASTER;  priority 7;  nopreempt; }"},
	{name: "21: conditions",
		text: "vrrp_instance V {\n@a state MASTER\n@^a state BACKUP\n@b priority 1\n@^b priority 2\n@a\n}\n",
		tree: "vrrp_instance V {;  state MASTER;  priority 2; }"},
	{name: "21: ~SEQ and ~LST over a definition of several lines",
		text: "$B=vrrp_instance V$i { \\\npriority ${p}$i \\\n}\n~SEQ(i, 2) ~LST(p, 1, 2) $B\n",
		tree: "vrrp_instance V1 {;  priority 11; }; vrrp_instance V1 {;  priority 21; }; vrrp_instance V2 {;  priority 12; }; vrrp_instance V2 {;  priority 22; }"},
	{name: "21: \\ continues nothing but a definition",
		text: "vrrp_instance V {\npriority 5 \\\nadvert_int 2\n}\n",
		tree: "vrrp_instance V {;  priority 5\\;  advert_int 2; }"},
	{name: "exit codes: a missing argument ends the reading",
		text: "vrrp_instance V {\npriority\nfrob\n}\nvrrp_instance W {\n}\n",
		tree: "vrrp_instance V {;  priority; }",
		said: "(Line 2) *** Configuration line starting `priority` is missing a parameter after keyword `priority` at word position 2"},
}

func TestGrammarSurprises(t *testing.T) {
	files := MapFiles{
		"open": "vrrp_instance V {\nstate MASTER\n", "close": "}\n", "inner": "priority 7",
		"d/x.conf": "vrrp_instance X {\ninclude y\n}\n", "d/y": "priority 9\n", "loop": "include main",
	}
	join := func(text string) string {
		return strings.ReplaceAll(strings.TrimSuffix(strings.ReplaceAll(text, "\t", " "), "\n"), "\n", "; ")
	}
	for _, c := range surprises {
		t.Run(c.name, func(t *testing.T) {
			files["main"] = c.text
			tree, list := Parse(files, "main", Env{NodeName: "a.example.org"}, testSchema())
			if diff := cmp.Diff(c.tree, join(Print(tree.Roots))); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
			said := strings.ReplaceAll(join(list.Short(true)), "(main: ", "(")
			if diff := cmp.Diff(c.said, said); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSeverities: only what ends the daemon is fatal, what -t passes is a notice.
func TestSeverities(t *testing.T) {
	for _, c := range []struct {
		name, text string
		worst      diag.Severity
		code       diag.Code
		status     int
	}{
		{"nothing", "", diag.Notice, 0, 0},
		{"missing include", "include nosuch\n", diag.Notice, diag.File, 0},
		{"checked include", "includem nosuch\n", diag.Fatal, diag.IncludeFailed, 6},
		{"unknown keyword", "frob\n", diag.Error, diag.UnknownKeyword, 5},
		{"odd brace", "}\n", diag.Error, diag.Unbalanced, 5},
		{"missing argument", "virtual_server\n", diag.Fatal, diag.MissingArgument, 2},
		{"definition of itself", "$X=a${X}\n$X\n", diag.Error, diag.Limit, 5},
		{"definition of itself without growth", "$X=${X}\n${X}\n", diag.Fatal, diag.TooDeep, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, list := Parse(MapFiles{"main": c.text}, "main", Env{}, testSchema())
			if list.Worst() != c.worst || list.ExitStatus() != c.status {
				t.Errorf("worst %v status %d, want %v %d\n%s", list.Worst(), list.ExitStatus(), c.worst, c.status, list.Short(false))
			}
			if len(list) > 0 && list[0].Code != c.code {
				t.Errorf("code %d, want %d", list[0].Code, c.code)
			}
		})
	}
}

// TestMainFile: the name of the configuration is a pattern, and its absence is
// no complaint of -t but of -e.
func TestMainFile(t *testing.T) {
	files := testFiles{MapFiles{"a.conf": "frob1\n", "b.conf": "frob2\n", "d/exe.conf": ""}}
	for _, c := range []struct {
		name, pattern, said string
		check               IncludeCheck
		code                diag.Code
		status              int
	}{
		{"a pattern", "?.conf", "(a.conf: Line 1) Unknown keyword 'frob1'\n(b.conf: Line 1) Unknown keyword 'frob2'\n", 0, diag.UnknownKeyword, 5},
		{"missing", "c.conf", "Config files missing 'c.conf'.\n", 0, diag.FileMissing, 0},
		{"missing, -e", "c.conf", "Config files missing 'c.conf'.\n", CheckAll, diag.FileRequired, 4},
		{"no match", "c*.conf", "No config files matched 'c*.conf'.\n", 0, diag.FileMissing, 0},
		{"no match, -e", "c*.conf", "No config files matched 'c*.conf'.\n", CheckAll, diag.FileRequired, 4},
		{"a directory", "d", "Configuration file 'd/' is a directory - skipping\n", 0, diag.FileMissing, 0},
		{"executable, -e", "d/exe.conf", "Configuration file 'd/exe.conf' is not a regular non-executable file - skipping\n", CheckAll, diag.FileRequired, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, list := Parse(files, c.pattern, Env{Check: c.check}, testSchema())
			if diff := cmp.Diff(c.said, list.Short(true)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if list[0].Code != c.code || list.ExitStatus() != c.status {
				t.Errorf("code %d status %d, want %d %d", list[0].Code, list.ExitStatus(), c.code, c.status)
			}
		})
	}
}
