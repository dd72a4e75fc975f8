package exporters

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// semver is what an exporter takes for a version.
var semver = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

// CheckVersion reads what -v and --version write to stderr: the second word of the
// first line is the version behind a letter, and JSON mode wants the option that
// keepalived is built with named.
func CheckVersion(stderr string) error {
	lines := strings.Split(stderr, "\n")
	if len(lines) < 2 {
		return errors.New("the version has fewer than two lines")
	}
	words := strings.Split(lines[0], " ")
	if words[0] != "Keepalived" || len(words) < 2 || len(words[1]) < 2 || !semver.MatchString(words[1][1:]) {
		return fmt.Errorf("no version in %q", lines[0])
	}
	if !strings.Contains(stderr, "--enable-json") {
		return errors.New("without --enable-json in it mehdy's exporter ends in JSON mode")
	}
	return nil
}

// CheckSignum reads the answer to --signum=NAME: the number and nothing else, which
// one reader decodes as JSON and the other strips of what is no digit.
func CheckSignum(stdout string, want int) error {
	if stdout != fmt.Sprintf("%d\n", want) {
		return fmt.Errorf("the answer is %q, want %d and a newline", stdout, want)
	}
	return nil
}
