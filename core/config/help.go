package config

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Help is what the manual says about one keyword.
type Help struct {
	// Short is one sentence without its full stop.
	Short string
	// Long is what else there is to say, in paragraphs parted by an empty line; may
	// be empty.
	Long string
	// Example is what may stand in the keyword's block: one line or more.
	Example string
	// Frame is a whole configuration with "%s" where the Example belongs.
	Frame string
	// Reload tells what a changed value does when the configuration is read again.
	Reload string
}

// HelpSection is a part of the manual: keywords of one block that belong together.
type HelpSection struct {
	// Title is the heading; "" continues the section before.
	Title string
	// Intro is text under the heading, in paragraphs.
	Intro string
	// Entries are in the order of the text.
	Entries []HelpEntry
}

// HelpEntry is the help for one or more keywords.
type HelpEntry struct {
	Names []string
	Help
}

// HelpText is one file of help: that of a block, or of several blocks that share
// keywords.
type HelpText struct {
	// Paths are the blocks (Keyword.Path) that the text is about; the last element
	// may be "*".
	Paths []string
	// Frame is a configuration with a line "%s" where an Example belongs and {} for
	// the innermost block.
	Frame    string
	Sections []HelpSection
}

// ParseHelp reads a file of help:
//
//	path: vrrp_instance          the blocks it is about, one or more
//	frame: interface eth0        a line around the examples, one or more; %s is their place
//	reload: ...                  what goes for every entry without a reload line
//
//	# Title                      a section, with text below it
//
//	== priority                  an entry: keywords with the same help
//	One sentence.
//
//	Paragraphs.
//	eg: priority 150             a line of the example, one or more
//	reload: ...
//
// In the text and the examples {} stands for the keyword that is asked about.
func ParseHelp(name, text string) (HelpText, error) {
	p := helpParser{name: name}
	for line := range strings.Lines(text) {
		p.n++
		if err := p.line(strings.TrimRight(line, " \n")); err != nil {
			return HelpText{}, err
		}
	}
	p.endEntry()
	if len(p.text.Paths) == 0 {
		return HelpText{}, fmt.Errorf("%s: no path line", name)
	}
	return p.text, nil
}

type helpParser struct {
	name    string
	n       int // of the line
	text    HelpText
	frame   []string
	reload  string // of entries that do not say theirs
	section *HelpSection
	entry   *HelpEntry
	words   []string // of the section's intro or the entry's text, line by line
	example []string
}

func (p *helpParser) line(line string) error {
	key, value, _ := strings.Cut(line, ": ")
	switch {
	case p.section == nil && key == "path":
		p.text.Paths = append(p.text.Paths, strings.Trim(value, `"`))
	case p.section == nil && key == "frame":
		p.frame = append(p.frame, value)
		p.text.Frame = strings.Join(p.frame, "\n") + "\n"
	case key == "reload" && p.entry == nil:
		p.reload = value
	case key == "reload":
		p.entry.Reload = value
	case key == "eg" && p.entry != nil:
		p.example = append(p.example, value)
	case strings.HasPrefix(line, "# "):
		p.endEntry()
		p.text.Sections = append(p.text.Sections, HelpSection{Title: line[2:]})
		p.section = &p.text.Sections[len(p.text.Sections)-1]
	case strings.HasPrefix(line, "== "):
		if p.section == nil {
			return fmt.Errorf("%s:%d: an entry before the first section", p.name, p.n)
		}
		p.endEntry()
		p.section.Entries = append(p.section.Entries, HelpEntry{Names: strings.Fields(line[3:])})
		p.entry = &p.section.Entries[len(p.section.Entries)-1]
	case p.section == nil && line != "":
		return fmt.Errorf("%s:%d: %q is no line of a head", p.name, p.n, line)
	default:
		p.words = append(p.words, line)
	}
	return nil
}

// endEntry puts away what was read of an entry or a section's intro.
func (p *helpParser) endEntry() {
	text := strings.TrimSpace(strings.Join(p.words, "\n"))
	switch {
	case p.entry != nil:
		first, rest, _ := strings.Cut(text, "\n\n")
		p.entry.Short = strings.TrimSuffix(strings.ReplaceAll(first, "\n", " "), ".")
		p.entry.Long = strings.TrimSpace(rest)
		p.entry.Example = strings.Join(p.example, "\n")
		if p.entry.Reload == "" {
			p.entry.Reload = p.reload
		}
	case p.section != nil:
		p.section.Intro = text
	}
	p.entry, p.words, p.example = nil, nil, nil
}

// About returns the help for one keyword, with its name filled in.
func (e *HelpEntry) About(name string) Help {
	fill := func(s string) string { return strings.ReplaceAll(s, "{}", name) }
	return Help{Short: fill(e.Short), Long: fill(e.Long), Example: fill(e.Example), Reload: fill(e.Reload)}
}

// Covers reports whether the text is about the block at path.
func (t *HelpText) Covers(path string) bool {
	for _, p := range t.Paths {
		parent, ok := strings.CutSuffix(p, "/*")
		if p == path || ok && strings.HasPrefix(path, parent+"/") && !strings.Contains(path[len(parent)+1:], "/") {
			return true
		}
	}
	return false
}

// Manual is all help there is. Of two texts that cover a keyword the first counts.
type Manual []HelpText

// Lookup returns the help for the keyword name in that block (Keyword.Path).
func (m Manual) Lookup(block, name string) (Help, bool) {
	for i := range m {
		if !m[i].Covers(block) {
			continue
		}
		for _, s := range m[i].Sections {
			for _, e := range s.Entries {
				for _, n := range e.Names {
					if n == name {
						h := e.About(name)
						h.Frame = strings.ReplaceAll(m[i].Frame, "{}", path.Base(block))
						return h, true
					}
				}
			}
		}
	}
	return Help{}, false
}

// ReadManual reads the files of a folder named help, in the order of their names. The
// folder is part of the program: one that cannot be read is a mistake of its authors.
func ReadManual(folder fs.FS) Manual {
	names, err := fs.Glob(folder, "help/*.txt")
	if err != nil {
		panic(err)
	}
	m := make(Manual, len(names))
	for i, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err == nil {
			m[i], err = ParseHelp(name, string(text))
		}
		if err != nil {
			panic(err)
		}
	}
	return m
}
