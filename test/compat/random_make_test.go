package compat

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maker makes random configurations.
type maker struct {
	*rand.Rand
	corpus   []input
	snippets map[string][]string // by the keyword of the block in which they stand
	keywords []string
	files    map[string]string // of the configuration being made
}

// blockOf are the blocks of the snippets in testdata/probes, by file.
var blockOf = map[string]string{
	"root": "", "group": "", "global": "global_defs", "instance": "vrrp_instance", "vip": "virtual_ipaddress", "route": "virtual_routes",
	"rule": "virtual_rules", "script": "vrrp_script", "file": "track_file", "process": "vrrp_track_process", "bfd": "bfd_instance",
	"vs": "virtual_server", "rs": "real_server",
}

// unlike are snippets with which 2.2.7 is known to be unlike us: it drops a script with a
// :group in silence, ends without the namespace, makes the folder.
var unlike = []string{":root", "net_namespace", "config_save_dir"}

func newMaker(t *testing.T) *maker {
	t.Helper()
	m := &maker{corpus: slices.DeleteFunc(slices.Concat(inputs(t), seeds(t), samples(t)), func(in input) bool {
		return in.name == "layout: a long comment" || in.name == "layout: escaped sign" // see the ledger
	}), snippets: map[string][]string{}}
	files, _ := filepath.Glob("testdata/probes/*.txt")
	for _, name := range append(files, "testdata/keywords.txt") {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		block, known := blockOf[strings.TrimSuffix(filepath.Base(name), ".txt")]
		for s := bufio.NewScanner(f); s.Scan(); {
			if slices.ContainsFunc(unlike, func(w string) bool { return strings.Contains(s.Text(), w) }) {
				continue
			}
			if known {
				m.snippets[block] = append(m.snippets[block], strings.ReplaceAll(s.Text(), `\n`, "\n"))
			} else if _, words, ok := strings.Cut(s.Text(), ": "); ok && s.Text()[0] != '#' {
				m.keywords = append(m.keywords, strings.Fields(words)...)
			}
		}
		f.Close()
	}
	if len(m.snippets) != len(blockOf)-1 || len(m.keywords) < 300 {
		t.Fatalf("%d kinds of snippets, %d keywords", len(m.snippets), len(m.keywords))
	}
	return m
}

// input makes the configuration of a seed.
func (m *maker) input(seed uint64) input {
	m.Rand = rand.New(rand.NewPCG(seed, 0))
	base := chosen(m, m.corpus, func(in input) string { return in.name })
	m.files = maps.Clone(base.files)
	for n := m.IntN(3); n > 0; n-- {
		m.change(mainFile, insertSnippet)
	}
	for n := 1 + min(m.IntN(4), m.IntN(4)); n > 0; n-- {
		names := input{files: m.files}.names()
		m.change(names[m.IntN(len(names))], changes[m.IntN(len(changes))])
	}
	return input{name: fmt.Sprintf("seed %d (%s)", seed, base.name), files: m.files}
}

// chosen picks one of a list by what it is, not by its place: with one more in the list
// nearly every seed makes what it has always made.
func chosen[T any](m *maker, list []T, name func(T) string) (best T) {
	draw := binary.BigEndian.AppendUint64(nil, m.Uint64())
	most := uint64(0)
	for _, one := range list {
		h := sha256.Sum256(append([]byte(name(one)), draw...))
		if n := binary.BigEndian.Uint64(h[:]); n >= most {
			most, best = n, one
		}
	}
	return best
}

// names are those of the files, in an order.
func (in input) names() []string { return slices.Sorted(maps.Keys(in.files)) }

// A change edits the lines of a file.
type change func(m *maker, lines []string) []string

func (m *maker) change(name string, c change) {
	lines := strings.Split(m.files[name], "\n")
	m.files[name] = strings.Join(c(m, lines), "\n")
}

// pick returns the index of a line that is not blank.
func (m *maker) pick(lines []string) int {
	for range 20 {
		if i := m.IntN(len(lines)); strings.TrimSpace(lines[i]) != "" {
			return i
		}
	}
	return m.IntN(len(lines))
}

func (m *maker) one(of ...string) string { return of[m.IntN(len(of))] }

// span picks a run of a few lines.
func (m *maker) span(lines []string) (from, to int) {
	from = m.IntN(len(lines))
	return from, min(from+1+m.IntN(8), len(lines))
}

// word replaces a random word of a random line.
func word(replace func(m *maker, w string) string) change {
	return func(m *maker, lines []string) []string {
		i := m.pick(lines)
		words := strings.Fields(lines[i])
		if len(words) == 0 {
			return lines
		}
		k := m.IntN(len(words))
		indent := lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " \t"))]
		words[k] = replace(m, words[k])
		lines[i] = indent + strings.Join(words, " ")
		return lines
	}
}

// argument is word, but leaves the first one alone.
func argument(replace func(m *maker, w string) string) change {
	return func(m *maker, lines []string) []string {
		for range 20 {
			i := m.pick(lines)
			words := strings.Fields(lines[i])
			if len(words) < 2 || words[1] == "{" {
				continue
			}
			k := 1 + m.IntN(len(words)-1)
			words[k] = replace(m, words[k])
			lines[i] = strings.Join(words, " ")
			return lines
		}
		return lines
	}
}

// at changes the text of a random line at a random octet.
func at(edit func(m *maker, before, behind string) string) change {
	return func(m *maker, lines []string) []string {
		i := m.pick(lines)
		k := m.IntN(len(lines[i]) + 1)
		lines[i] = edit(m, lines[i][:k], lines[i][k:])
		return lines
	}
}

// insertSnippet puts a snippet into a block that it belongs into.
func insertSnippet(m *maker, lines []string) []string {
	for range 30 {
		i := m.IntN(len(lines))
		keyword, _, _ := strings.Cut(strings.TrimSpace(lines[i]), " ")
		if !strings.HasSuffix(strings.TrimSpace(lines[i]), "{") {
			if m.IntN(30) > 0 {
				continue
			}
			keyword, i = "", 0
			if m.IntN(2) == 0 {
				i = len(lines) - 1
			}
		}
		if list := m.snippets[keyword]; len(list) > 0 {
			snippet := chosen(m, list, func(s string) string { return s })
			return slices.Insert(lines, i+1, strings.Split(snippet, "\n")...)
		}
	}
	return lines
}

// oddNumbers are forms in which people and programs write numbers.
func oddNumber(m *maker, w string) string {
	return m.one("0", "1", "-1", "+5", "010", "0x10", "1e3", "1.5", "-0", "5s", "255", "256", "65535", "65536", "4294967295", "4294967296",
		"99999999999999999999", "0.000001", "0.0000001", "1.", ".5", "1,5", "5%", "", "NaN", w+"0", "0"+w, "+"+w, "-"+w, w+".0", w+"s", w+"u", "١")
}

// oddSpace is white space of all kinds.
func oddSpace(m *maker) string {
	return m.one(" ", "  ", "\t", "\r", "\f", "\v", "\u00a0", " \t ", "\r\n", "\n", "\n\n", "\x00", "\x1b", "\x7f", "\xff")
}
