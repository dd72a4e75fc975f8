package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keepalived/cmd/internal/dialect"
	"keepalived/cmd/internal/lint"
	"keepalived/core/config"
	"keepalived/core/diag"
)

func (s *session) explainCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KEYWORD | BLOCK.KEYWORD | RULE | rules]",
		Short: "Print what the reference says about a keyword",
		Long: `explain prints the reference text of a keyword: what it does, what may stand behind
it, the default, where it may stand, since when it exists, an example, and what changing
it by a reload does. Of a block it lists the members. A keyword of several blocks is
explained in each; BLOCK.KEYWORD (real_server.weight, HTTP_GET.url.path) names one.
It also explains the rules of check, "rules" lists them. Without a word it lists the
blocks.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("config explain takes one keyword, got %q", args)
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return newReference().complete(toComplete), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			r := newReference()
			if len(args) == 0 {
				_, err := io.WriteString(s.out, r.overview())
				return err
			}
			if text := rules(args[0]); text != "" {
				_, err := io.WriteString(s.out, text)
				return err
			}
			found := r.find(args[0])
			if len(found) == 0 {
				return usagef("there is no keyword %q%s", args[0], r.suggestion(args[0]))
			}
			_, err := io.WriteString(s.out, r.explain(found))
			return err
		},
	}
}

// rules explains a rule of check, or lists all of them; "" when arg is none.
func rules(arg string) string {
	b := &strings.Builder{}
	tell := func(code, about, when string) {
		switch arg {
		case "rules":
			fmt.Fprintf(b, "  %-22s%s\n", code, strings.TrimLeft(fold(about, 24), " "))
		case code:
			fmt.Fprintf(b, "rule %s\n\n%s\n\nIt is looked for %s.\n", code, fold(upper(about)+".", 0), when)
		}
	}
	if arg == "rules" {
		b.WriteString("With --lint, of each configuration:\n\n")
	}
	for _, r := range lint.Rules() {
		tell(r.Code, r.About, "by config check --lint")
	}
	if arg == "rules" {
		b.WriteString("\nGiven the files of several nodes:\n\n")
	}
	for _, r := range lint.Comparisons() {
		tell(r.Code, r.About, "by config check when it is given the files of several nodes")
	}
	return b.String()
}

// upper returns text as the beginning of a sentence; the name of a keyword stays.
func upper(text string) string {
	if first, _, _ := strings.Cut(text, " "); strings.Contains(first, "_") || first == "nopreempt" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// reference is all that is known about keywords.
type reference struct {
	keywords []config.Keyword
	manual   config.Manual
}

func newReference() *reference { return &reference{dialect.Keywords(), dialect.Manual()} }

// find returns the keywords that arg names: a name, perhaps behind the names of the
// blocks around it.
func (r *reference) find(arg string) []config.Keyword {
	words := strings.FieldsFunc(arg, func(c rune) bool { return c == '.' || c == '/' || c == ' ' })
	if len(words) == 0 {
		return nil
	}
	name, blocks := words[len(words)-1], words[:len(words)-1]
	var found []config.Keyword
	for _, k := range r.keywords {
		path := strings.Split(k.Path, "/")
		if k.Name == name && len(blocks) <= len(path) && slices.Equal(path[len(path)-len(blocks):], blocks) {
			found = append(found, k)
		}
	}
	return found
}

// overview lists what stands outside any block.
func (r *reference) overview() string {
	b := &strings.Builder{}
	b.WriteString("Outside any block stand:\n\n")
	r.members(b, "")
	b.WriteString("\nkeepalivedctl config explain KEYWORD tells more about each.\n")
	return b.String()
}

// explain prints keywords of one name. Places in which the same is to be said share it.
func (r *reference) explain(found []config.Keyword) string {
	var texts []string
	places := map[string][]config.Keyword{}
	for _, k := range found {
		text := r.text(k)
		if places[text] == nil {
			texts = append(texts, text)
		}
		places[text] = append(places[text], k)
	}
	b := &strings.Builder{}
	for i, text := range texts {
		if i > 0 {
			b.WriteString("\n")
		}
		for _, k := range places[text] {
			fmt.Fprintf(b, "%s\n", synopsis(k))
		}
		b.WriteString(text)
	}
	return b.String()
}

// synopsis is a keyword with its words in its place.
func synopsis(k config.Keyword) string {
	line := strings.TrimRight(k.Name+" "+k.Usage(), " ")
	if k.Path == "" {
		return line
	}
	blocks := strings.Split(k.Path, "/")
	return strings.Join(blocks, " { ") + " { " + line + strings.Repeat(" }", len(blocks))
}

// text is what there is to say of a keyword, whatever block it stands in.
func (r *reference) text(k config.Keyword) string {
	help, _ := r.manual.Lookup(k.Path, k.Name)
	b := &strings.Builder{}
	if help.Short != "" {
		fmt.Fprintf(b, "\n%s\n", fold(help.Short+".", 0))
	}
	if help.Long != "" {
		for p := range strings.SplitSeq(help.Long, "\n\n") {
			fmt.Fprintf(b, "\n%s\n", fold(p, 0))
		}
	}
	b.WriteString("\n")
	fact := func(title, text string) {
		if text != "" {
			fmt.Fprintf(b, "%-12s%s\n", title, strings.TrimLeft(fold(text, 12), " "))
		}
	}
	fact("values", k.Limits())
	fact("unit", string(k.Value.Unit))
	fact("default", k.Default)
	fact("since", since(k))
	fact("deprecated", instead(k))
	fact("no effect", k.Effect)
	fact("reload", help.Reload)
	if help.Example != "" {
		fmt.Fprintf(b, "\nexample\n    %s\n", strings.ReplaceAll(help.Example, "\n", "\n    "))
	}
	if k.Kind == config.Block {
		b.WriteString("\nIn its block stand:\n\n")
		r.members(b, strings.TrimPrefix(k.Path+"/"+k.Name, "/"))
	}
	return b.String()
}

func since(k config.Keyword) string {
	if k.Since == "" {
		return "2.2.7 or before"
	}
	return "keepalived " + k.Since
}

func instead(k config.Keyword) string {
	if k.Deprecated == "" {
		return ""
	}
	return "use " + k.Deprecated
}

// members lists what may stand in the block at path, deprecated words last.
func (r *reference) members(b *strings.Builder, path string) {
	var list []config.Keyword
	width := 0
	for _, k := range r.keywords {
		if k.Path == path {
			list = append(list, k)
			width = max(width, len(k.Name))
		}
	}
	slices.SortFunc(list, func(a, b config.Keyword) int {
		return cmp.Or(cmp.Compare(boolean(a.Deprecated != ""), boolean(b.Deprecated != "")), cmp.Compare(a.Name, b.Name))
	})
	for _, k := range list {
		help, _ := r.manual.Lookup(k.Path, k.Name)
		text := help.Short
		if k.Deprecated != "" {
			text = "Deprecated: use " + k.Deprecated
		}
		fmt.Fprintf(b, "  %s\n", strings.TrimRight(fmt.Sprintf("%-*s  %s", width, k.Name, strings.TrimLeft(fold(text, width+4), " ")), " "))
	}
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fold breaks text into lines of at most 80 columns behind an indent.
func fold(text string, indent int) string {
	const width = 80
	b := &strings.Builder{}
	column := width
	for word := range strings.FieldsSeq(text) {
		if column+1+len(word) > width {
			if b.Len() > 0 {
				b.WriteString("\n")
			}
			b.WriteString(strings.Repeat(" ", indent))
			column = indent
		} else {
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// suggestion names what arg may be a slip of.
func (r *reference) suggestion(arg string) string {
	words := strings.FieldsFunc(arg, func(c rune) bool { return c == '.' || c == '/' || c == ' ' })
	if len(words) == 0 {
		return ""
	}
	name := words[len(words)-1]
	if strings.HasPrefix(name, "include") || strings.ContainsAny(name[:1], "$@~!#") {
		return ": it is part of the language, see keepalived.conf(5)"
	}
	if places := r.find(name); len(places) > 0 {
		var in []string
		for _, k := range places {
			in = append(in, dotted(k))
		}
		return "; there is " + strings.Join(in, ", ")
	}
	if near := r.near(name); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return "; config explain lists the blocks"
}

// near is the name of a keyword that word may be a slip of, "" when there is none.
func (r *reference) near(word string) string {
	return diag.Near(word, func(yield func(string) bool) {
		for _, k := range r.keywords {
			if !yield(k.Name) {
				return
			}
		}
	})
}

// dotted is how a keyword is asked for.
func dotted(k config.Keyword) string {
	if k.Path == "" {
		return k.Name
	}
	return strings.ReplaceAll(k.Path, "/", ".") + "." + k.Name
}

// complete lists what an argument that begins so may become, with a word about each.
func (r *reference) complete(begin string) []string {
	var out []string
	seen := map[string]bool{}
	add := func(name string, k config.Keyword) {
		if strings.HasPrefix(name, begin) && !seen[name] {
			seen[name] = true
			help, _ := r.manual.Lookup(k.Path, k.Name)
			out = append(out, cobra.CompletionWithDesc(name, help.Short))
		}
	}
	for _, k := range r.keywords {
		add(k.Name, k)
		if strings.Contains(begin, ".") {
			add(dotted(k), k)
			if i := strings.LastIndex(k.Path, "/"); i >= 0 {
				add(strings.ReplaceAll(k.Path[i+1:], "/", ".")+"."+k.Name, k)
			}
		}
	}
	for _, code := range lintCodes() {
		if strings.HasPrefix(code[0], begin) {
			out = append(out, cobra.CompletionWithDesc(code[0], code[1]))
		}
	}
	slices.Sort(out)
	return out
}

// lintCodes are the codes of all rules, with a sentence about each.
func lintCodes() [][2]string {
	var out [][2]string
	for _, r := range lint.Rules() {
		out = append(out, [2]string{r.Code, r.About})
	}
	for _, r := range lint.Comparisons() {
		out = append(out, [2]string{r.Code, r.About})
	}
	return out
}
