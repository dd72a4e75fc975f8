package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
)

//go:embed head.man
var head string

//go:embed tail.man
var tail string

// page is the whole manual page.
func page() string {
	w := writer{schema: dialect.Schema()}
	sections := merge(dialect.Manual())
	for _, s := range sections {
		w.section(s)
	}
	body := w.String()
	end := strings.NewReplacer("@OLD@\n", oldNames(), "@INERT@\n", withoutEffect()).Replace(tail)
	return head + body + end
}

// part is a section of the page.
type part struct {
	title, intro, reload string
	entries              []located
}

// located is an entry with the first of its blocks.
type located struct {
	config.HelpEntry
	path string
}

// merge joins sections of the same title, which stand in several files when their
// keywords are of several tables or their examples need other surroundings.
func merge(m config.Manual) []*part {
	var parts []*part
	at := map[string]*part{}
	for _, text := range m {
		for _, s := range text.Sections {
			p := at[s.Title]
			if p == nil {
				p = &part{title: s.Title, reload: text.Reload}
				at[s.Title], parts = p, append(parts, p)
			}
			if p.intro == "" {
				p.intro = s.Intro
			}
			for _, e := range s.Entries {
				if e.Reload == "" && text.Reload != p.reload {
					e.Reload = text.Reload
				}
				p.entries = append(p.entries, located{HelpEntry: e, path: text.Blocks[0].Path})
			}
		}
	}
	return parts
}

type writer struct {
	strings.Builder
	schema *config.Schema
	reload string // of the section before
}

func (w *writer) section(p *part) {
	fmt.Fprintf(w, ".SS %s\n", escape(p.title))
	w.paragraphs(p.intro, "")
	if p.reload != "" && p.reload != w.reload && len(p.entries) > 2 {
		if p.intro != "" {
			w.WriteString(".PP\n")
		}
		fmt.Fprintf(w, "On a reload, where nothing else is said: %s\n", escape(lowerFirst(p.reload)))
	}
	w.reload = p.reload
	for _, e := range p.entries {
		w.entry(e)
	}
}

// entry writes one tagged paragraph. Old names have a section of their own.
func (w *writer) entry(e located) {
	var keys []config.Keyword
	for _, n := range e.Names {
		if k, ok := w.schema.Lookup(e.path, n); ok && k.Deprecated == "" {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return
	}
	for i, k := range keys {
		w.WriteString([]string{".TP\n", ".TQ\n"}[min(i, 1)])
		fmt.Fprintf(w, "\\fB%s\\fR", escape(k.Name))
		if u := k.Usage(); u != "" {
			w.WriteString(" " + escape(u))
		}
		w.WriteString("\n")
	}
	h := e.About(keys[0].Name)
	fmt.Fprintf(w, "%s\n", escape(h.Short+"."))
	if h.Long != "" {
		w.WriteString(".IP\n")
		w.paragraphs(h.Long, ".IP\n")
	}
	w.facts(keys, h)
	if strings.Contains(h.Example, "\n") {
		w.example(h.Example)
	}
}

// seeKeywords is what the help of a block says of a reload: nothing that its members do
// not say.
const seeKeywords = "See its keywords."

// facts writes what the tables know.
func (w *writer) facts(keys []config.Keyword, h config.Help) {
	k := keys[0]
	var facts []string
	if r := k.Limits(); r != "" {
		facts = append(facts, "Range: "+r+".")
	}
	if k.Default != "" {
		facts = append(facts, "Default: "+k.Default+".")
	}
	if k.Since != "" {
		facts = append(facts, "Since "+k.Since+".")
	}
	if len(facts) > 0 {
		fmt.Fprintf(w, ".br\n%s\n", escape(strings.Join(facts, " ")))
	}
	if h.Reload != "" && h.Reload != seeKeywords {
		fmt.Fprintf(w, ".br\n\\fIOn a reload:\\fR %s\n", escape(lowerFirst(h.Reload)))
	}
	if k.Effect != "" {
		fmt.Fprintf(w, ".br\n\\fINo effect yet:\\fR %s.\n", escape(k.Effect))
	}
}

func (w *writer) example(text string) {
	w.WriteString(".IP\n.nf\n")
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "%s\n", escape(strings.TrimRight(line, "\n")))
	}
	w.WriteString(".fi\n")
}

// paragraphs writes text whose paragraphs are parted by empty lines.
func (w *writer) paragraphs(text, between string) {
	if between == "" {
		between = ".PP\n"
	}
	for i, p := range strings.Split(text, "\n\n") {
		if i > 0 {
			w.WriteString(between)
		}
		if p = strings.TrimSpace(strings.ReplaceAll(p, "\n", " ")); p != "" {
			fmt.Fprintf(w, "%s\n", escape(p))
		}
	}
}

// escape makes text safe in roff, wherever it stands.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// lowerFirst makes a sentence go on behind a colon.
func lowerFirst(s string) string {
	if s == "" || strings.HasPrefix(s, "SIG") {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// oldNames are the deprecated keywords and what to write instead.
func oldNames() string {
	lines := map[string]bool{}
	for _, k := range dialect.Keywords() {
		if k.Deprecated != "" {
			lines[escape(k.Name+": "+k.Deprecated)] = true
		}
	}
	var b strings.Builder
	b.WriteString(".SS Old names\nThese are read as what stands behind them, most with a complaint.\n.PP\n.nf\n.RS\n")
	for _, l := range sorted(lines) {
		b.WriteString(l + "\n")
	}
	b.WriteString(".RE\n.fi\n")
	return b.String()
}

// withoutEffect lists what is read and does nothing, by what is missing.
func withoutEffect() string {
	missing := map[string]map[string]bool{}
	for _, k := range dialect.Keywords() {
		if k.Effect == "" || k.Deprecated != "" {
			continue
		}
		if missing[k.Effect] == nil {
			missing[k.Effect] = map[string]bool{}
		}
		missing[k.Effect][k.Name] = true
	}
	why := map[string]bool{}
	for e := range missing {
		why[e] = true
	}
	var b strings.Builder
	b.WriteString(".SH KEYWORDS WITHOUT EFFECT\nThese are read and checked, so that a file of keepalived 2.4.3 passes, and do nothing yet.\n" +
		".B keepalived \\-t\nand the log say so where one is used.\n")
	for _, e := range sorted(why) {
		fmt.Fprintf(&b, ".TP\n%s:\n%s.\n", escape(strings.ToUpper(e[:1])+e[1:]), escape(strings.Join(sorted(missing[e]), ", ")))
	}
	return b.String()
}

func sorted(set map[string]bool) []string {
	var out []string
	for s := range set {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}
