// Package checkercfg is the typed model of the checkers' configuration: virtual
// servers, their groups, real servers, checkers. It decodes a config.Tree, resolves
// defaults and references, and compares two generations for a reload. Pure; imports
// core/config (with cursor), core/diag and core/global only. Addresses are not looked
// up, interfaces are names, whether a script can be run is told by the caller.
package checkercfg

import (
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
)

// What keywords that are read and do nothing yet are said to lack.
const (
	notRunning = "only TCP_CHECK, HTTP_GET, SSL_GET and MISC_CHECK run yet; the real server counts as good without them"
	noRegex    = "the body is not searched yet"
	noTLSEnd   = "a TLS connection that is cut off counts as ended"
	noSNMP     = "SNMP is not served yet"
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
	urlTable     = cursor.Index(slices.Concat(urlRows(""), regexRows("")))
	hostTable    = cursor.Index(connectionRows(""))
)

// line makes a row of a block at path.
func line[T any](path, name, grammar string, need int, into func(*T, *cursor.Cursor)) cursor.Row[T] {
	return cursor.Row[T]{Keyword: config.Keyword{Path: path, Name: name, Grammar: grammar, Need: need}, Into: into}
}

// valued makes a row of a block at path whose value is of a usual shape; it is wanted
// unless it is optional.
func valued[T any](path, name string, v config.Value, into func(*T, *cursor.Cursor)) cursor.Row[T] {
	need := 1
	if v.Optional {
		need = 0
	}
	r := line(path, name, "", need, into)
	r.Value = v
	return r
}

// optional: the row's value may be left out, or its reader says what is missing.
func optional[T any](r cursor.Row[T]) cursor.Row[T] { r.Need = 0; return r }

// doc adds what holds without the keyword, and to the range what the value does not say.
func doc[T any](rng, def string, r cursor.Row[T]) cursor.Row[T] {
	r.Range, r.Default = rng, def
	return r
}

// effect tells what a keyword does not do yet.
func effect[T any](what string, r cursor.Row[T]) cursor.Row[T] { r.Effect = what; return r }

func since[T any](version string, r cursor.Row[T]) cursor.Row[T] { r.Since = version; return r }

func insteadOf[T any](use string, r cursor.Row[T]) cursor.Row[T] { r.Deprecated = use; return r }

func block[T any](r cursor.Row[T]) cursor.Row[T] { r.Kind = config.Block; return r }

func list[T any](r cursor.Row[T]) cursor.Row[T] { r.Kind = config.List; return r }
