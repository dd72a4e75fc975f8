package main

import (
	"fmt"
	"strings"

	"keepalived/cmd/internal/dialect"
	"keepalived/cmd/internal/meaning"
	"keepalived/core/config"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// mostChanges bounds the answer to a dry run: nobody reads more, and it has to fit a
// message.
const mostChanges = 1000

// configChanges tells an operator what the file means otherwise than what is in force.
func configChanges(inForce map[childapi.Role]*config.Tree, next *config.Tree) []*pb.ConfigChange {
	manual := dialect.Manual()
	var out []*pb.ConfigChange
	changes := meaning.Diff(dialect.Join(inForce[childapi.VRRP], inForce[childapi.Checker]), next, dialect.Schema())
	for i, c := range changes {
		if i == mostChanges {
			return append(out, &pb.ConfigChange{Object: fmt.Sprintf("%d more", len(changes)-i), Kind: pb.ConfigChangeKind_CONFIG_CHANGE_KIND_CHANGED})
		}
		help, _ := manual.Lookup(c.Path, c.Name)
		out = append(out, &pb.ConfigChange{
			Object: valid(c.Object), Keyword: valid(c.Keyword), Kind: changeKinds[c.Kind], From: validAll(c.From), To: validAll(c.To), Effect: help.Reload,
		})
	}
	return out
}

// childPart is what a child reads of the configuration.
func childPart(t *config.Tree, role childapi.Role) *config.Tree {
	part := dialect.VRRP
	if role == childapi.Checker {
		part = dialect.Checkers
	}
	return part.Of(t)
}

var changeKinds = map[meaning.Kind]pb.ConfigChangeKind{
	meaning.Changed:   pb.ConfigChangeKind_CONFIG_CHANGE_KIND_CHANGED,
	meaning.Added:     pb.ConfigChangeKind_CONFIG_CHANGE_KIND_ADDED,
	meaning.Removed:   pb.ConfigChangeKind_CONFIG_CHANGE_KIND_REMOVED,
	meaning.Reordered: pb.ConfigChangeKind_CONFIG_CHANGE_KIND_REORDERED,
}

// valid makes text of any encoding fit for protobuf.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func validAll(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, valid(t))
	}
	return out
}
