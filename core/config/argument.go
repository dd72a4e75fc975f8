package config

import (
	"regexp"
	"slices"
	"strings"
)

// A secret among the arguments of a script is known by what stands before it: the name
// of an option or variable that ends like one, the user in a URL, a header, what curl
// and openssl have. That of a bare -p or -a is not: -p is a port as often.
const (
	secretOption = `(?:password|passwd|passphrase|pass|secret|token|api[_-]?key|secret[_-]?key|access[_-]?key)`
	// secretValue ends where the script's own quotes may end.
	secretValue = `(\\?"[^"]*"|'[^']*'|[^\s"']+)`
)

// secretArguments are the forms, each with the small letters without one of which a text
// has nothing of it: expressions cost some microseconds a line.
var secretArguments = []struct {
	signs []string
	form  *regexp.Regexp
}{
	{[]string{"://"}, regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://[^\s/@:"']*:([^\s/@"']+)@`)},
	{secretSigns, regexp.MustCompile(`(?i)(?:^|[\s"'(])--?(?:[a-z0-9_-]*[_-])?` + secretOption + `(?:=|\s+)` + secretValue)},
	{secretSigns, regexp.MustCompile(`(?i)(?:^|[\s"'(;&|])(?:(?:[a-z0-9_]*_)?` + secretOption + `|[a-z0-9_]+_pwd)=` + secretValue)},
	{[]string{" -u", "-user"}, regexp.MustCompile(`(?:^|[\s"'])(?:-u|--user|--proxy-user)(?:=|\s+)[^\s:"'/]+:` + secretValue)},
	{[]string{"authorization:"}, regexp.MustCompile(`(?i)authorization:\s*(?:(?:basic|bearer|token)\s+)?` + secretValue)},
	{[]string{"pass:"}, regexp.MustCompile(`(?:^|[\s"'])pass:` + secretValue)},
}

var secretSigns = []string{"pass", "secret", "token", "key", "_pwd"}

// argumentValues finds the secrets among the arguments in a script's text.
func argumentValues(text string) []columns {
	// Most lines of a configuration have none of these.
	if strings.IndexByte(text, '=') < 0 && strings.IndexByte(text, ':') < 0 && !strings.Contains(text, " -") {
		return nil
	}
	var out []columns
	small := strings.ToLower(text)
	for _, a := range secretArguments {
		if !slices.ContainsFunc(a.signs, func(sign string) bool { return strings.Contains(small, sign) }) {
			continue
		}
		for _, m := range a.form.FindAllStringSubmatchIndex(text, -1) {
			// Another option follows, or none is wanted.
			if text[m[2]] != '-' && !strings.Contains(text[m[0]:m[2]], "-no-") {
				out = append(out, columns{m[2], m[3]})
			}
		}
	}
	return ordered(out)
}

// isVariable reports whether a value is what a definition or the script's shell has for it.
func isVariable(value string) bool {
	return strings.HasPrefix(strings.TrimLeft(value, `\"'`), "$")
}

// HideArguments returns the text of a script without the secrets among its arguments.
func HideArguments(text string) string {
	return hideColumns(text, slices.DeleteFunc(argumentValues(text), func(c columns) bool { return isVariable(text[c.from:c.to]) }))
}

// hideColumns puts Hidden in the place of some octets of text.
func hideColumns(text string, hide []columns) string {
	if len(hide) == 0 {
		return text
	}
	var out strings.Builder
	at := 0
	for _, c := range hide {
		if c.from >= at && c.from != c.to {
			out.WriteString(text[at:c.from])
			out.WriteString(Hidden)
			at = c.to
		}
	}
	out.WriteString(text[at:])
	return out.String()
}
