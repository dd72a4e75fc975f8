package main

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseArgs(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want options
		rest []string
		err  string
	}{
		{name: "bundled short options", args: []string{"-nlD"}, want: options{foreground: true, logConsole: true, logDetail: 1}},
		{name: "bundle ends in an option with its argument glued on", args: []string{"-lf/a/b.conf"}, want: options{logConsole: true, configFile: "/a/b.conf"}},
		{name: "glued = belongs to the argument, as getopt has it", args: []string{"-f=x"}, want: options{configFile: "=x"}},
		{name: "bundle ends in an option whose argument follows", args: []string{"-lf", "x"}, want: options{logConsole: true, configFile: "x"}},
		{name: "optional argument glued", args: []string{"-t/tmp/log"}, want: options{configTest: true, testLog: "/tmp/log"}},
		{name: "optional argument is never the next word", args: []string{"-t", "word"}, want: options{configTest: true}, rest: []string{"word"}},
		{name: "long with =", args: []string{"--config-test=/tmp/log"}, want: options{configTest: true, testLog: "/tmp/log"}},
		{name: "long with a separate argument", args: []string{"--use-file", "x"}, want: options{configFile: "x"}},
		{name: "abbreviated long option", args: []string{"--use-fi=x"}, want: options{configFile: "x"}},
		{name: "an exact name wins over longer ones", args: []string{"--all"}, want: options{all: true}},
		{name: "ambiguous abbreviation", args: []string{"--log-f=x"}, err: "Ambiguous option --log-f: --log-facility or --log-file"},
		{name: "unknown long option", args: []string{"--frob"}, err: "Unknown option --frob"},
		{name: "unknown short option in a bundle", args: []string{"-lZ"}, want: options{logConsole: true}, err: "Unknown option -Z"},
		{name: "missing argument", args: []string{"--signum"}, err: "Missing parameter for option --signum"},
		{name: "missing short argument", args: []string{"-f"}, err: "Missing parameter for option -f"},
		{name: "argument for a flag", args: []string{"--vrrp=yes"}, err: "Option --vrrp takes no argument"},
		{name: "-- ends the options", args: []string{"-l", "--", "-D"}, want: options{logConsole: true}, rest: []string{"-D"}},
		{name: "words between options", args: []string{"foo", "-D", "-D"}, want: options{logDetail: 2}, rest: []string{"foo"}},
		{name: "facility by number", args: []string{"-S", "3"}, want: options{logFacility: "local3"}},
		{name: "bad facility", args: []string{"-S9"}, err: "Invalid log facility '9': want 0-7, local0-local7, user or daemon"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got options
			rest, err := parseArgs(optionTable, tc.args, &got)
			if tc.err != "" {
				var usage usageError
				if !errors.As(err, &usage) || err.Error() != tc.err {
					t.Fatalf("error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, tc.want) || !reflect.DeepEqual(rest, tc.rest) {
				t.Fatalf("got %+v, %q, %v\nwant %+v, %q", got, rest, err, tc.want, tc.rest)
			}
		})
	}
}

// TestInertOptionsSaySo: an option that is accepted and does nothing is named.
func TestInertOptionsSaySo(t *testing.T) {
	var o options
	if _, err := parseArgs(optionTable, []string{"-x", "--bfd_pid=/x"}, &o); err != nil {
		t.Fatal(err)
	}
	if len(o.noEffect) != 2 || !strings.Contains(o.noEffect[0], "SNMP") {
		t.Fatalf("said %q", o.noEffect)
	}
}

func TestOptionTable(t *testing.T) {
	seen := map[string]bool{}
	for _, opt := range optionTable {
		for _, name := range []string{opt.long, string(opt.short)} {
			if name != "\x00" && seen[name] {
				t.Errorf("option %q stands twice", name)
			}
			seen[name] = true
		}
	}
	var b bytes.Buffer
	writeUsage(&b, "keepalived")
	for _, want := range []string{"-f, --use-file=FILE", "-t, --config-test[=FILE]", "    --signum=NAME"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("--help lacks %q", want)
		}
	}
}
