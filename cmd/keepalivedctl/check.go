package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keepalived/cmd/internal/dialect"
	"keepalived/cmd/internal/lint"
	"keepalived/cmd/internal/machine"
	"keepalived/core/diag"
)

func (s *session) configCheckCmd() *cobra.Command {
	o := checkOptions{}
	cmd := &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Say what is wrong in configurations",
		Long: `check reads configurations as the daemon would and says what is wrong in each, with
the place and the way out. What is merely absent on this machine (an interface, a user,
a script) is a note, so that files of other machines can be checked; with --here it
counts as it would for a daemon here. Without FILE it is /etc/keepalived/keepalived.conf.

Given the files of several nodes that back each other up, or one file and their
identities (-i lb1 -i lb2), it also tells what must agree between them and does not.
The name in brackets behind a finding is that of its rule: config explain knows it.

Exit status: 0 nothing above a note, 1 warnings, 2 a daemon would not start.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{defaultConfig}
			}
			nodes, err := s.readNodes(args, o.ids)
			if err != nil {
				return err
			}
			for _, n := range nodes {
				n.lookHere(o)
			}
			lintNodes(nodes, o)
			return s.report(nodes, o)
		},
	}
	cmd.Flags().BoolVar(&o.here, "here", false, "what is absent on this machine (interfaces, users, scripts) is an error")
	cmd.Flags().BoolVar(&o.lint, "lint", false, "also find what is valid and bites in production")
	cmd.Flags().BoolVar(&o.json, "json", false, "write one JSON object")
	cmd.Flags().StringArrayVarP(&o.ids, "config-id", "i", nil, "`ID` of the node, for lines that begin with @ID; several: one of each file, or of each node that shares the one file")
	return cmd
}

type checkOptions struct {
	here, lint, json bool
	ids              []string
}

// lintNodes adds what the rules of package lint find: those of one node when asked
// for, those of several whenever there are several.
func lintNodes(nodes []*nodeConfig, o checkOptions) {
	var all []*lint.Node
	var of []*nodeConfig
	for _, n := range nodes {
		if dialect.StopsReading(n.diags) {
			continue
		}
		l := lint.NewNode(n.name, n.tree)
		all, of = append(all, l), append(of, n)
		if o.lint {
			for _, f := range lint.Check(l) {
				n.addLint(f)
			}
		}
	}
	if len(all) > 1 {
		for _, f := range lint.Compare(all) {
			of[f.Node].addLint(f)
		}
	}
}

// addLint adds a finding of a rule. Where the daemon itself complains about the same
// thing, its complaint takes the rule's name, effect and way out.
func (n *nodeConfig) addLint(f lint.Finding) {
	for i := range n.diags {
		d := &n.diags[i]
		if d.Severity == diag.Notice || !f.Repeats(*d) {
			continue
		}
		d.Rule = f.Rule
		if d.Hint == "" || d.Code == diag.ScriptSecurity {
			d.Hint = f.Advice()
		}
		return
	}
	n.diags = append(n.diags, f.Diagnostic) // rules quote no secrets
}

// lookHere adds what this machine has to say: what a look at its interfaces, users
// and scripts finds more than the configuration alone.
func (n *nodeConfig) lookHere(o checkOptions) {
	if dialect.StopsReading(n.diags) {
		return
	}
	seen := map[string]int{}
	for _, d := range n.result.Diags {
		seen[identity(d)]++
	}
	for _, d := range dialect.Check(n.tree, machine.Interfaces(), machine.Scripts{}).Diags {
		if seen[identity(d)]--; seen[identity(d)] >= 0 {
			continue
		}
		switch {
		case d.Code == diag.ScriptSecurity: // the configuration's doing
		case !o.here:
			d.Severity = diag.Notice
		case d.Severity != diag.Warning: // it is there, and only odd
			d.Severity = diag.Fatal
		}
		if uid := os.Geteuid(); d.Code == diag.Script && d.Hint == "" && uid != 0 {
			d.Hint = fmt.Sprintf("it was looked for as user %d, who may not see all that root sees", uid)
		}
		n.diags = append(n.diags, n.mask.Findings(diag.List{d})...)
	}
}

func identity(d diag.Diagnostic) string { return fmt.Sprint(d.Code, d.Subject, d.Summary) }

// report prints the findings and a verdict for each configuration, and sets the exit
// status.
func (s *session) report(nodes []*nodeConfig, o checkOptions) error {
	out := &strings.Builder{}
	files := []fileJSON{}
	for _, n := range nodes {
		n.diags.Sort()
		switch worst := n.diags.Worst(); {
		case worst == diag.Fatal:
			s.status = max(s.status, exitNoAnswer)
		case worst > diag.Notice:
			s.status = max(s.status, exitDegraded)
		}
		if o.json {
			f, err := n.json()
			if err != nil {
				return err
			}
			files = append(files, f)
			continue
		}
		out.WriteString(n.diags.Full(n.mask.Texts()))
		fmt.Fprintf(out, "%s: %s\n", n.name, n.verdict())
	}
	if o.json {
		return writeJSON(s.out, struct {
			Files []fileJSON `json:"files"`
		}{files})
	}
	_, err := io.WriteString(s.out, out.String())
	return err
}

// verdict is the last line about a configuration.
func (n *nodeConfig) verdict() string {
	text := "good"
	switch worst := n.diags.Worst(); {
	case worst == diag.Fatal:
		text = "would not start"
	case worst > diag.Notice:
		text = "would start, not all as it reads"
	}
	counts := map[string]int{}
	for _, d := range n.diags {
		counts[d.Severity.String()]++
	}
	sep := ": "
	for _, of := range []string{"error", "warning", "note"} {
		if c := counts[of]; c > 0 {
			text += fmt.Sprintf("%s%d %s%s", sep, c, of, plural(c))
			sep = ", "
		}
	}
	return text
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// fileJSON is one configuration's findings for programs.
type fileJSON struct {
	Name     string          `json:"name"`
	Verdict  string          `json:"verdict"` // good, warnings or error
	Findings json.RawMessage `json:"diagnostics"`
}

func (n *nodeConfig) json() (fileJSON, error) {
	f := fileJSON{Name: n.name, Verdict: "good"}
	switch worst := n.diags.Worst(); {
	case worst == diag.Fatal:
		f.Verdict = "error"
	case worst > diag.Notice:
		f.Verdict = "warnings"
	}
	text, err := n.diags.JSON()
	if err != nil {
		return f, fmt.Errorf("writing JSON: %w", err)
	}
	all := struct {
		Diagnostics *json.RawMessage `json:"diagnostics"`
	}{&f.Findings}
	if err := json.Unmarshal(text, &all); err != nil {
		return f, fmt.Errorf("writing JSON: %w", err)
	}
	return f, nil
}

// writeJSON writes one object on one line.
func writeJSON[T any](w io.Writer, v T) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
