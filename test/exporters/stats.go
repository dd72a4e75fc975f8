package exporters

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// counters are the lines that are exported; those with four spaces below their section.
var counters = []string{
	"Advertisements/Received", "Advertisements/Sent", "Became master", "Released master",
	"Packet Errors/Length", "Packet Errors/TTL", "Packet Errors/Invalid Type", "Packet Errors/Advertisement Interval", "Packet Errors/Address List",
	"Authentication Errors/Invalid Type", "Authentication Errors/Type Mismatch", "Authentication Errors/Failure",
	"Priority Zero/Received", "Priority Zero/Sent",
}

// readStats follows mehdy's exporter through keepalived.stats and returns the names of
// the instances. Sections it does not know are passed over.
func readStats(stats []byte) ([]string, error) {
	if len(stats) == 0 {
		return nil, nil
	}
	if stats[len(stats)-1] != '\n' {
		return nil, errors.New("the last line is cut off")
	}
	var names, seen []string
	section := ""
	for n, line := range strings.Split(strings.TrimSuffix(string(stats), "\n"), "\n") {
		fail := func(format string, args ...any) error {
			return fmt.Errorf("line %d (%s): %s", n+1, line, fmt.Sprintf(format, args...))
		}
		name, isHead := strings.CutPrefix(line, "VRRP Instance: ")
		key, value, hasColon := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch {
		case isHead:
			if err := complete(names, seen); err != nil {
				return nil, err
			}
			names, seen, section = append(names, name), nil, ""
			continue
		case !strings.HasPrefix(line, "  "):
			return nil, fail("neither an instance nor a counter")
		case !hasColon:
			return nil, fail("a line without a colon ends the exporter's process")
		case len(names) == 0:
			return nil, fail("a counter before the first instance ends the exporter's process")
		case strings.HasPrefix(line, "    "):
			key = section + "/" + key
		case value == "":
			section = key
			continue
		default:
			section = ""
		}
		if !slices.Contains(counters, key) {
			continue
		}
		if _, err := strconv.ParseUint(value, 10, 64); err != nil {
			return nil, fail("%q is no whole number: the whole scrape fails", value)
		}
		seen = append(seen, key)
	}
	return names, complete(names, seen)
}

// complete reports the counters that the last of names lacks or has twice: those are
// exported as 0, or as the last of them.
func complete(names, seen []string) error {
	if len(names) == 0 {
		return nil
	}
	for _, c := range counters {
		if n := len(seen) - len(slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return s == c })); n != 1 {
			return fmt.Errorf("instance %s has %d counters %q", names[len(names)-1], n, c)
		}
	}
	return nil
}
