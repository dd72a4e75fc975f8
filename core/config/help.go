package config

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
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

// HelpEntry is the help for one or more keywords; Reload is empty where that of the
// text goes.
type HelpEntry struct {
	Names []string
	Help
}

// HelpText is one file of help: that of a block, or of several that share keywords.
type HelpText struct {
	Blocks []HelpBlock
	// Reload goes for entries that do not say theirs.
	Reload   string
	Sections []HelpSection
}

// HelpBlock is a block that a text is about.
type HelpBlock struct {
	Path string // as Keyword.Path
	// Frame is a configuration with "%s" where an Example belongs.
	Frame string
}

// ParseHelp reads a file of help:
//
//	path: vrrp_instance          the blocks it is about, one or more, and for them
//	frame: interface eth0        a line around the examples, one or more; %s is their
//	                             place, {} the name of the block
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
	if len(p.text.Blocks) == 0 {
		return HelpText{}, fmt.Errorf("%s: no path line", name)
	}
	return p.text, nil
}

type helpParser struct {
	name    string
	n       int // of the line
	text    HelpText
	framed  int // blocks that have their frame
	section *HelpSection
	entry   *HelpEntry
	words   []string // of the section's intro or the entry's text, line by line
	example []string
}

func (p *helpParser) line(line string) error {
	key, value, _ := strings.Cut(line, ": ")
	switch {
	case p.section == nil && key == "path":
		if n := len(p.text.Blocks); n > p.framed && p.text.Blocks[n-1].Frame != "" {
			p.framed = n
		}
		p.text.Blocks = append(p.text.Blocks, HelpBlock{Path: strings.Trim(value, `"`)})
	case p.section == nil && key == "frame":
		for i := range p.text.Blocks[p.framed:] {
			b := &p.text.Blocks[p.framed+i]
			b.Frame += strings.ReplaceAll(value, "{}", path.Base(b.Path)) + "\n"
		}
	case key == "reload" && p.entry == nil:
		p.text.Reload = value
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

// Manual is all help there is. Of two texts that cover a keyword the first counts.
type Manual []HelpText

// Lookup returns the help for the keyword name in that block (Keyword.Path).
func (m Manual) Lookup(block, name string) (Help, bool) {
	for _, text := range m {
		for _, b := range text.Blocks {
			if b.Path != block {
				continue
			}
			if e := text.entry(name); e != nil {
				h := e.About(name)
				h.Frame, h.Reload = b.Frame, cmp.Or(h.Reload, text.Reload)
				return h, true
			}
		}
	}
	return Help{}, false
}

// entry finds the entry about a keyword.
func (t *HelpText) entry(name string) *HelpEntry {
	for _, s := range t.Sections {
		for i := range s.Entries {
			if slices.Contains(s.Entries[i].Names, name) {
				return &s.Entries[i]
			}
		}
	}
	return nil
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
