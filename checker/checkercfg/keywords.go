// Package checkercfg knows the checkers' configuration: virtual_server,
// virtual_server_group, SSL and bfd_instance. It has their keywords and says
// what is wrong with their values. Pure; imports core/config (with cursor),
// core/diag and core/global only.
package checkercfg

import (
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
)

const (
	noChecks = "the healthchecker child does not check or manage ip_vs yet"
	noBFD    = "BFD does not run yet"
)

// Keywords returns every keyword of the checkers' blocks.
func Keywords() []config.Keyword {
	out := slices.Concat(
		cursor.Keywords(rootRows()),
		cursor.Keywords(bfdRows()),
		cursor.Keywords(sslRows()),
		cursor.Keywords(serviceRows()),
		cursor.Keywords(serverRows()),
	)
	for _, k := range checkKinds() {
		out = append(out, cursor.Keywords(k.rows())...)
	}
	return out
}

// The tables by which blocks are read, made once: there may be tens of thousands
// of real servers.
var (
	rootTable    = cursor.Index(rootRows())
	bfdTable     = cursor.Index(bfdRows())
	sslTable     = cursor.Index(sslRows())
	serviceTable = cursor.Index(serviceRows())
	serverTable  = cursor.Index(serverRows())
	checkTables  = tables()
	urlTable     = cursor.Index(urlRows(""))
	hostTable    = cursor.Index(connectionRows(""))
)

// line makes a row of a block at path.
func line[T any](path, name, grammar string, need int, into func(*T, *cursor.Cursor)) cursor.Row[T] {
	return cursor.Row[T]{Keyword: config.Keyword{Path: path, Name: name, Grammar: grammar, Need: need}, Into: into}
}

// doc adds range and default for the documentation.
func doc[T any](rng, def string, r cursor.Row[T]) cursor.Row[T] {
	r.Range, r.Default = rng, def
	return r
}

func since[T any](version string, r cursor.Row[T]) cursor.Row[T] { r.Since = version; return r }

func insteadOf[T any](use string, r cursor.Row[T]) cursor.Row[T] { r.Deprecated = use; return r }

func block[T any](r cursor.Row[T]) cursor.Row[T] { r.Kind = config.Block; return r }

func list[T any](r cursor.Row[T]) cursor.Row[T] { r.Kind = config.List; return r }
