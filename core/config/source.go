package config

import (
	"errors"
)

// MaxLine is the number of octets in which keepalived holds a line: the text
// before and after substitution, its end of line and a NUL have to fit.
const MaxLine = 1024

// Reasons of Files.Read for not reading something that exists.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrExecutable = errors.New("file is executable")
)

// Files is how the parser reaches the file system. Names are given as they stand
// in the text, joined to the directory of the including file when relative.
type Files interface {
	// Read returns the content of a file. Errors that matter to the parser are
	// fs.ErrNotExist, ErrNotRegular and ErrExecutable.
	Read(name string) ([]byte, error)
	// Glob returns the names that match a shell pattern with {a,b} alternatives,
	// in glob(3)'s order; no match is an empty list without an error.
	Glob(pattern string) ([]string, error)
}

// Env is what the text may ask about the machine it is read on.
type Env struct {
	// ConfigID is what @id is compared with and ${_INSTANCE} (option -i); when
	// empty it is NodeName up to its first dot.
	ConfigID string
	NodeName string
	// Lookup answers ${_ENV NAME}; nil is an empty environment.
	Lookup func(name string) (string, bool)
	// Seed starts ${_RANDOM}; equal seeds read equal text alike.
	Seed uint64
	// Check is the strictness of include lines (option -e is CheckAll).
	Check IncludeCheck
}

// IncludeCheck is the set of checks made on include lines (include_check).
type IncludeCheck uint8

// The checks; all but CheckRead imply CheckRead.
const (
	CheckRead     IncludeCheck = 1 << iota // a named file cannot be read
	CheckMatch                             // a name without wildcards matches nothing
	CheckWildcard                          // a pattern with wildcards matches nothing
	CheckBrace                             // one of several {a,b} alternatives matches nothing

	CheckAll = CheckRead | CheckMatch | CheckWildcard | CheckBrace
)
