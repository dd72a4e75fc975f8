package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"keepalived/cmd/internal/meaning"
	pb "keepalived/proto/keepalived/v1"
)

// shown is one difference as it is printed.
type shown struct {
	meaning.Change
	note   string // behind the object: what becomes of it
	effect string // below the keyword: what a reload does about it
}

// writeChanges prints differences for people: objects, and below each its keywords.
func writeChanges(w io.Writer, changes []shown) error {
	b := &strings.Builder{}
	object := ""
	for _, c := range changes {
		if c.Keyword == "" && (c.Kind == meaning.Added || c.Kind == meaning.Removed) {
			fmt.Fprintf(b, "%s %s%s\n", sign(c.Kind), c.Object, c.note)
			object = ""
			continue
		}
		if c.Object != object {
			object = c.Object
			fmt.Fprintf(b, "~ %s%s\n", object, c.note)
		}
		for _, line := range changeLines(c.Change) {
			fmt.Fprintf(b, "    %s\n", line)
		}
		if c.effect != "" {
			fmt.Fprintf(b, "        %s\n", c.effect)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fates tells what becomes of instances and virtual servers, by the plans of the
// children.
type fates []*pb.Plan

// of is the fate of an object that has changed, as it stands behind its name.
func (f fates) of(object string) string {
	role, same := pb.Role_ROLE_VRRP, func(planned string) bool { return object == "vrrp_instance "+planned }
	if words := strings.Fields(object); len(words) > 1 && words[0] == "virtual_server" {
		role, same = pb.Role_ROLE_CHECKER, func(planned string) bool { return isService(planned, words[1:]) }
	}
	for _, p := range f {
		if p.GetRole() != role {
			continue
		}
		switch {
		case slices.ContainsFunc(p.GetRestarted(), same):
			return ": stopped and started anew"
		case slices.ContainsFunc(p.GetChanged(), same):
			return ": changed in place, it keeps its state"
		case slices.ContainsFunc(p.GetAdded(), same) && slices.ContainsFunc(p.GetRemoved(), same):
			return ": removed and added anew"
		}
	}
	return ""
}

// isService reports whether a child's name of a virtual server, [10.0.0.1]:tcp:80, is
// that of the words behind virtual_server.
func isService(planned string, words []string) bool {
	switch {
	case words[0] == "fwmark" && len(words) > 1:
		return planned == "FWM "+words[1]
	case words[0] == "group" && len(words) > 1:
		return strings.HasPrefix(planned, "["+words[1]+"]:0")
	case len(words) > 1:
		return strings.HasPrefix(planned, "["+words[0]+"]:") && strings.HasSuffix(planned, ":"+words[1])
	}
	return false
}

// ofReload are the differences that a reload would put in force, as the daemon tells
// them.
func ofReload(r *pb.ReloadResponse) []shown {
	fate := fates(r.GetPlans())
	var out []shown
	for _, c := range r.GetChanges() {
		kind := meaning.Changed
		switch c.GetKind() {
		case pb.ConfigChangeKind_CONFIG_CHANGE_KIND_ADDED:
			kind = meaning.Added
		case pb.ConfigChangeKind_CONFIG_CHANGE_KIND_REMOVED:
			kind = meaning.Removed
		case pb.ConfigChangeKind_CONFIG_CHANGE_KIND_REORDERED:
			kind = meaning.Reordered
		}
		line := shown{
			Change: meaning.Change{Object: c.GetObject(), Keyword: c.GetKeyword(), Kind: kind, From: c.GetFrom(), To: c.GetTo()},
			effect: c.GetEffect(),
		}
		if c.GetKeyword() != "" {
			line.note = fate.of(c.GetObject())
		}
		out = append(out, line)
	}
	return out
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

// diffJSON is a comparison for programs.
type diffJSON struct {
	Same    bool         `json:"same"`
	Changes []changeJSON `json:"changes"`
}

func changesJSON(changes []meaning.Change) diffJSON {
	out := make([]changeJSON, len(changes))
	for i, c := range changes {
		out[i] = changeJSON{c.Object, c.Keyword, c.Kind.String(), c.From, c.To}
	}
	return diffJSON{Same: len(out) == 0, Changes: out}
}
