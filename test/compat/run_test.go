package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// place is a line of a file; the file is "" for the main one.
type place struct {
	file string
	line int
}

// answer is what one of the two programs made of an input.
type answer struct {
	status int    // of -t
	said   string // by -t
	lines  map[place]bool
	extra  map[place]bool  // lines spoken of without a complaint
	whole  int             // complaints without a line
	codes  map[string]bool // of our complaints
	ended  string          // status with which the run ended; "" while it runs
	log    string
	vrrp   string // keepalived.data; "" when there is none
	check  string // keepalived_check.data
	json   string // keepalived.json
}

// crashed: 2.2.7 has bugs of its own, with which there is nothing to compare: signals,
// and a SIGTERM to itself when a script has a user.
func (a answer) crashed() bool { return a.status == 139 || a.status == 134 || a.status == 143 }

// job is what a program is asked about an input: t to test it, r to run it, rj for its
// dump in JSON as well, "" nothing.
type job string

// ask gives every input to both programs and returns their answers in its order; what
// says what 2.2.7 and we are asked.
func ask(t *testing.T, all []input, what func(input) (their, our job)) (their, our []answer) {
	t.Helper()
	dir := t.TempDir()
	program, err := filepath.Abs(os.Getenv(envBin))
	if err != nil {
		t.Fatal(err)
	}
	run := func(name, script string, args ...string) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "bash", append([]string{"-c", script, dir}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	var jobs strings.Builder
	for i, in := range all {
		for name, text := range in.files {
			path := filepath.Join(dir, "in", strconv.Itoa(i), name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		forThem, forUs := what(in)
		if forThem != "" {
			fmt.Fprintf(&jobs, "%d their %s keepalived\n", i, forThem)
		}
		if forUs != "" {
			fmt.Fprintf(&jobs, "%d our %s /mnt/program --diagnostics=json\n", i, forUs)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "jobs"), []byte(jobs.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	run("programs", `cp "$1" "$0/program" && cp "$2" "$0/one.sh"`, program, "one.sh")
	// Most of the time goes by waiting for a start, so more run at once than can compute.
	run("lab", `exec unshare --mount --propagation private bash -c 'mount --bind "$0" /mnt && cd /mnt &&
xargs -P "$1" -L 1 unshare --net --mount --uts --pid --fork --kill-child --mount-proc --propagation private bash /mnt/one.sh <jobs' "$0" "$1"`,
		map[bool]string{true: "3", false: "10"}[netlab.Kernel() == "uml"])
	for i, in := range all {
		forThem, forUs := what(in)
		var a, b answer
		if forThem != "" {
			a = readAnswer(t, filepath.Join(dir, "out", fmt.Sprintf("%d.their", i)))
		}
		if forUs != "" {
			b = readAnswer(t, filepath.Join(dir, "out", fmt.Sprintf("%d.our", i)))
		}
		their, our = append(their, a), append(our, b)
	}
	return their, our
}

func readAnswer(t *testing.T, dir string) answer {
	t.Helper()
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(b)
	}
	a := answer{
		said: read("test"), lines: map[place]bool{}, extra: map[place]bool{}, codes: map[string]bool{}, ended: strings.TrimSpace(read("ended")),
		log: read("log"), vrrp: read(vrrpDump), check: read(checkDump), json: read("keepalived.json"),
	}
	status, err := strconv.Atoi(strings.TrimSpace(read("status")))
	if err != nil {
		t.Fatalf("%s: %v\n%s", dir, err, a.said)
	}
	a.status = status
	if strings.HasSuffix(dir, ".our") {
		if a.said != "" {
			a.readFindings(t)
		}
	} else {
		a.readLines()
	}
	return a
}

// configDir is where the programs find the configuration.
const configDir = "/etc/keepalived/"

func placeOf(file string, line int) place {
	file = strings.TrimPrefix(file, configDir)
	if file == mainFile {
		file = ""
	}
	return place{file, line}
}

// readFindings takes our findings in their form for programs.
func (a *answer) readFindings(t *testing.T) {
	var found struct {
		Diagnostics []struct {
			Severity, Code, File, Summary string
			Line                          int
		}
		Status int
	}
	if err := json.NewDecoder(bytes.NewReader([]byte(a.said))).Decode(&found); err != nil {
		t.Fatalf("%v\n%s", err, a.said)
	}
	if found.Status != a.status {
		t.Errorf("the form for programs says status %d, it is %d", found.Status, a.status)
	}
	var said strings.Builder
	for _, d := range found.Diagnostics {
		fmt.Fprintf(&said, "%s:%d %s: %s [%s]\n", d.File, d.Line, d.Severity, d.Summary, d.Code)
		if d.Severity == "note" {
			continue
		}
		a.codes[d.Code] = true
		if d.Line > 0 {
			a.lines[placeOf(d.File, d.Line)] = true
		} else {
			a.whole++
		}
	}
	a.said = said.String()
}

// lineNumber is 2.2.7's form of a place. In its first look, with one file, it leaves
// the file out.
var lineNumber = regexp.MustCompile(`^\((?:(\S+): )?Line (\d+)\) `)

// noComplaint are lines that do not count for the status, unless a check was asked for.
var noComplaint = regexp.MustCompile(`[Cc]onfig files (missing|matched)|is a directory - skipping|is not a regular non-executable file - skipping`)

func (a *answer) readLines() {
	for line := range strings.Lines(a.said) {
		m := lineNumber.FindStringSubmatch(line)
		if m == nil {
			a.whole++
			continue
		}
		n, _ := strconv.Atoi(m[2])
		to := a.lines
		if noComplaint.MatchString(line) {
			to = a.extra
		}
		to[placeOf(m[1], n)] = true
	}
}
