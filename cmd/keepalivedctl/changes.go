package main

import (
	"fmt"
	"io"
	"strings"

	"keepalived/cmd/internal/meaning"
)

// writeChanges prints differences for people: objects, and below each its keywords.
func writeChanges(w io.Writer, changes []meaning.Change) error {
	b := &strings.Builder{}
	object := ""
	for _, c := range changes {
		if c.Keyword == "" && c.Kind != meaning.Changed && c.Kind != meaning.Reordered {
			fmt.Fprintf(b, "%s %s\n", sign(c.Kind), c.Object)
			object = ""
			continue
		}
		if c.Object != object {
			object = c.Object
			fmt.Fprintf(b, "~ %s\n", object)
		}
		for _, line := range changeLines(c) {
			fmt.Fprintf(b, "    %s\n", line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sign(k meaning.Kind) string {
	switch k {
	case meaning.Added:
		return "+"
	case meaning.Removed:
		return "-"
	default:
		return "~"
	}
}

// changeLines is one change of a keyword:
//
//   - priority: 100 -> 110
//   - nopreempt: added
//   - virtual_ipaddress: + 192.0.2.3/24
func changeLines(c meaning.Change) []string {
	keyword := c.Keyword
	if keyword != "" {
		keyword += ": "
	}
	from, to := strings.Join(c.From, ", "), strings.Join(c.To, ", ")
	switch {
	case c.Kind == meaning.Reordered:
		return []string{keyword + "another order: " + from + " -> " + to}
	case c.Kind == meaning.Added:
		return []string{keyword + "added" + spaced(to)}
	case c.Kind == meaning.Removed:
		return []string{keyword + "removed" + spaced(from)}
	case len(c.From) == 1 && len(c.To) == 1 && c.From[0] == c.To[0]: // a secret
		return []string{keyword + "another value"}
	case len(c.From) == 1 && len(c.To) == 1:
		return []string{keyword + orNothing(from) + " -> " + orNothing(to)}
	}
	var lines []string
	for _, v := range c.From {
		lines = append(lines, keyword+"- "+v)
	}
	for _, v := range c.To {
		lines = append(lines, keyword+"+ "+v)
	}
	return lines
}

func spaced(text string) string {
	if text == "" {
		return ""
	}
	return " " + text
}

func orNothing(text string) string {
	if text == "" {
		return "(no value)"
	}
	return text
}

// changeJSON is one difference for programs; what is not there is null.
type changeJSON struct {
	Object  string   `json:"object"`
	Keyword string   `json:"keyword"`
	Change  string   `json:"change"`
	From    []string `json:"from"`
	To      []string `json:"to"`
}

func changesJSON(changes []meaning.Change) any {
	out := make([]changeJSON, len(changes))
	for i, c := range changes {
		out[i] = changeJSON{c.Object, c.Keyword, c.Kind.String(), c.From, c.To}
	}
	return map[string]any{"same": len(out) == 0, "changes": out}
}
