package main

import (
	"fmt"
	"strings"
)

// argNeed tells whether an option takes an argument, as getopt_long(3) has it.
type argNeed uint8

const (
	noArg argNeed = iota
	needArg
	// optArg: only glued to the option, `-tFILE` or `--config-test=FILE`.
	optArg
)

// option is one command-line option of a program with settings T. set gets the argument, given says whether there
// was one (only ever false for noArg and optArg).
type option[T any] struct {
	short byte // 0: long form only
	long  string
	arg   argNeed
	meta  string // name of the argument in --help
	help  string
	set   func(o *T, arg string, given bool) error
}

// usageError is a command line that cannot be understood (exit status 1).
type usageError string

func (e usageError) Error() string { return string(e) }

// parseArgs reads args in GNU getopt_long style: bundled short options, arguments
// glued to them, long options abbreviated as far as they stay unique, options and
// other words in any order, `--` ending the options. It returns the other words.
func parseArgs[T any](table []option[T], args []string, o *T) (rest []string, err error) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return append(rest, args[i+1:]...), nil
		case strings.HasPrefix(a, "--"):
			i, err = parseLong(table, args, i, o)
		case len(a) > 1 && a[0] == '-':
			i, err = parseShort(table, args, i, o)
		default:
			rest = append(rest, a)
		}
		if err != nil {
			return rest, err
		}
	}
	return rest, nil
}

// parseLong reads the long option args[i] and returns the index of the last word used.
func parseLong[T any](table []option[T], args []string, i int, o *T) (int, error) {
	name, value, given := strings.Cut(args[i][2:], "=")
	opt, err := findLong(table, name)
	if err != nil {
		return i, err
	}
	switch {
	case opt.arg == noArg && given:
		return i, usageError(fmt.Sprintf("Option --%s takes no argument", opt.long))
	case opt.arg == needArg && !given:
		if i+1 >= len(args) {
			return i, usageError(fmt.Sprintf("Missing parameter for option --%s", opt.long))
		}
		i++
		value, given = args[i], true
	}
	return i, opt.set(o, value, given)
}

func findLong[T any](table []option[T], name string) (*option[T], error) {
	var found *option[T]
	for k := range table {
		opt := &table[k]
		if opt.long == name {
			return opt, nil
		}
		if strings.HasPrefix(opt.long, name) {
			if found != nil {
				return nil, usageError(fmt.Sprintf("Ambiguous option --%s: --%s or --%s", name, found.long, opt.long))
			}
			found = opt
		}
	}
	if found == nil {
		return nil, usageError("Unknown option --" + name)
	}
	return found, nil
}

// parseShort reads the bundle args[i] and returns the index of the last word used.
func parseShort[T any](table []option[T], args []string, i int, o *T) (int, error) {
	bundle := args[i]
	for k := 1; k < len(bundle); k++ {
		opt := findShort(table, bundle[k])
		if opt == nil {
			return i, usageError("Unknown option -" + string(bundle[k]))
		}
		glued := bundle[k+1:]
		switch {
		case opt.arg == noArg:
			if err := opt.set(o, "", false); err != nil {
				return i, err
			}
			continue
		case glued != "" || opt.arg == optArg:
			return i, opt.set(o, glued, glued != "")
		case i+1 >= len(args):
			return i, usageError("Missing parameter for option -" + string(opt.short))
		default:
			return i + 1, opt.set(o, args[i+1], true)
		}
	}
	return i, nil
}

func findShort[T any](table []option[T], c byte) *option[T] {
	for k := range table {
		if table[k].short == c {
			return &table[k]
		}
	}
	return nil
}
