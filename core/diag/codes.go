package diag

// Code is the class of a finding. It decides the -t status and lets tests and
// tools refer to a finding without comparing texts.
type Code uint8

const (
	// Other is a finding without a class of its own.
	Other Code = iota
	// MissingArgument: a keyword lacks a word it cannot do without.
	MissingArgument
	// UnknownKeyword: the word means nothing in this block.
	UnknownKeyword
	// Unbalanced: braces or quotes that do not match.
	Unbalanced
	// BadNumber: not a number, or out of its range.
	BadNumber
	// BadAddress: not an address, or of the wrong family.
	BadAddress
	// BadValue: any other value that is not one of those allowed.
	BadValue
	// Duplicate: a second definition that is not used.
	Duplicate
	// NotFound: a reference to something that is not defined (before).
	NotFound
	// Deprecated: still understood, should be replaced.
	Deprecated
	// Ignored: understood, without effect here.
	Ignored
	// Conflict: two settings that cannot both hold.
	Conflict
	// NoInterface: an interface that does not exist.
	NoInterface
	// CannotRun: an object lacks what it needs (VRID, interface, VIP under strict).
	CannotRun
	// ScriptSecurity: scripts run as root without enable_script_security, or insecure ones.
	ScriptSecurity
	// Script: a script that is missing or cannot be run.
	Script
	// File: a configuration file that is missing or unreadable.
	File
	// FileMissing: the main configuration file does not exist (-t: 0, as keepalived).
	FileMissing
	// TooDeep: includes, definitions or sequences without end.
	TooDeep
	// Unsupported: understood, not built yet.
	Unsupported
	// IncludeFailed: an include line that fails a check it was asked to pass.
	IncludeFailed
	// FileRequired: the main configuration file fails the checks of option -e.
	FileRequired
	// UnknownBlock: a block whose keyword means nothing here; it is skipped whole.
	UnknownBlock
	// Surplus: words behind a keyword that has all it takes.
	Surplus
	// OutOfOrder: a reference to something that is defined further down.
	OutOfOrder
	// Lookalike: a character that looks like one with a meaning and has none.
	Lookalike
	// LongLine: a line that keepalived 2.2.7 cannot hold.
	LongLine
	// Limit: more text, nodes or time than a configuration may take.
	Limit
	// MissingEnd: a block ends where another begins, because its } is missing.
	MissingEnd
	// Undefined: ${NAME} of a definition that is not there.
	Undefined

	numCodes
)

// names are the stable names of the codes, for tools; they never change.
var names = [numCodes]string{
	Other: "other", MissingArgument: "missing-argument", UnknownKeyword: "unknown-keyword", Unbalanced: "unbalanced",
	BadNumber: "bad-number", BadAddress: "bad-address", BadValue: "bad-value", Duplicate: "duplicate", NotFound: "not-found",
	Deprecated: "deprecated", Ignored: "ignored", Conflict: "conflict", NoInterface: "no-interface", CannotRun: "cannot-run",
	ScriptSecurity: "script-security", Script: "script", File: "file", FileMissing: "file-missing", TooDeep: "too-deep",
	Unsupported: "unsupported", IncludeFailed: "include-failed", FileRequired: "file-required", UnknownBlock: "unknown-block",
	Surplus: "surplus-words", OutOfOrder: "out-of-order", Lookalike: "lookalike-character", LongLine: "long-line", Limit: "limit",
	MissingEnd: "missing-end", Undefined: "undefined",
}

// String is the code's name, which stays the same in all versions.
func (c Code) String() string {
	if c >= numCodes {
		return names[Other]
	}
	return names[c]
}

func (c Code) testStatus() int {
	switch c {
	case MissingArgument:
		return 2
	case ScriptSecurity, IncludeFailed:
		return 6
	case FileRequired:
		return 4
	case FileMissing:
		return 0
	default:
		return 5
	}
}
