package config

import (
	"bytes"
	"cmp"
	"iter"
	"math/bits"
	"slices"
	"strings"

	"keepalived/core/diag"
)

// Hidden stands where a secret was. It is a valid password, so that a text with it
// is still a configuration, and says nothing about the length of the secret.
const Hidden = "********"

// Mask takes the values of secret keywords (Keyword.Secret) out of everything that
// is shown of a configuration: its source lines, findings about it, its tree.
//
// In source lines it hides the words themselves; the whole value of every
// definition that flows into one, through other definitions too; all of a sequence
// that makes one; and what follows the name of a secret keyword, or something very
// like it, on a line that was not understood; and what the arguments of scripts give
// away (argumentValues), wherever it stands. In messages it hides every word that
// is one of those values.
type Mask struct {
	tree   *Tree
	schema *Schema
	names  []secretName
	words  map[string]map[int][]columns // by file and line
	defs   map[string]bool              // definitions that hold a secret
	values []string                     // longest first
	lines  map[lineID]bool              // where they stand
}

// secretName is the name of a keyword with a secret, wherever it stands.
type secretName struct {
	name    string
	most    int    // letters that a slip of it may differ in
	letters uint32 // those that it has, see lettersOf
}

type lineID struct {
	file string
	line int
}

// columns are the octets [from, to) of a line, counted from 0.
type columns struct{ from, to int }

// NewMask looks for the secrets of t, which was parsed with s.
func NewMask(t *Tree, s *Schema) *Mask {
	m := &Mask{tree: t, schema: s, words: map[string]map[int][]columns{}, defs: map[string]bool{}, lines: map[lineID]bool{}}
	m.names = s.secretNames()
	if len(m.names) == 0 {
		return m
	}
	values := map[string]bool{}
	strange := m.strangeLines()
	walkSecrets(s, "", t.Roots, func(n *Node) { delete(strange, n.Keyword.Range.Start()) }, func(w Word) {
		values[w.Text] = true
		m.add(w.Range.Start(), w.Range.End().Col-1)
	})
	for at, to := range strange {
		m.add(at, to)
	}
	m.arguments()
	m.taint()
	for _, f := range t.Sources {
		eachLine(f, func(id lineID, line, def string) {
			if len(m.defs) > 0 && m.uses(line) {
				m.lines[id] = true
			}
			for _, c := range m.secretsIn(id, line, def) {
				m.lines[id] = true
				for w := range strings.FieldsSeq(line[c.from:c.to]) {
					values[strings.Trim(w, `"'\`)] = true
				}
			}
		})
	}
	delete(values, "")
	for v := range values {
		if !strings.HasPrefix(v, "$") {
			m.values = append(m.values, v)
		}
	}
	slices.SortFunc(m.values, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return m
}

// add notes that the octets from at up to the column to, counted from 0, are to be
// hidden.
func (m *Mask) add(at diag.Pos, to int) {
	m.addColumns(lineID{at.File, at.Line}, columns{at.Col - 1, to})
}

func (m *Mask) addColumns(id lineID, c columns) {
	lines := m.words[id.file]
	if lines == nil {
		lines = map[int][]columns{}
		m.words[id.file] = lines
	}
	lines[id.line] = append(lines[id.line], c)
}

// secretNames are the names of keywords with a secret.
func (s *Schema) secretNames() []secretName {
	if s == nil {
		return nil
	}
	var names []secretName
	for _, members := range s.byPath {
		for name, k := range members {
			if k.Secret > 0 && !slices.ContainsFunc(names, func(n secretName) bool { return n.name == name }) {
				names = append(names, secretName{name, len(name) / 4, lettersOf(name)})
			}
		}
	}
	return names
}

// lettersOf is the set of letters of a word, without regard to case. Two words of
// which one has n letters that the other lacks are at least n changes apart.
func lettersOf(word string) (set uint32) {
	for i := range len(word) {
		set |= 1 << (word[i] & 0x1f)
	}
	return set
}

// walkSecrets calls secret for every word of nodes and below that must not be shown,
// and known for every node of which all words to hide are known.
func walkSecrets(s *Schema, path string, nodes []*Node, known func(*Node), secret func(Word)) {
	members := s.members(path)
	for _, n := range nodes {
		k := members[n.Keyword.Text]
		switch {
		case k == nil || k.Secret == 0:
			known(n)
		case len(n.Args) >= k.Secret: // else a quote may have swallowed it
			known(n)
			for _, w := range n.Args[k.Secret-1:] {
				secret(w)
			}
		}
		if len(n.Block) > 0 {
			walkSecrets(s, join(path, n.Keyword.Text), n.Block, known, secret)
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

// strangeLines finds the words in the sources that are the name of a secret
// keyword or nearly, with the end of what follows on the line. Those that turn out
// to be nodes of the tree need no such guess.
func (m *Mask) strangeLines() map[diag.Pos]int {
	found := map[diag.Pos]int{}
	for _, f := range m.tree.Sources {
		eachLine(f, func(id lineID, line, _ string) {
			for from := 0; ; {
				word, at := nextWord(line, from)
				if word == "" {
					break
				}
				from = at + len(word)
				switch n := m.nameIn(word); {
				case n > 0: // glued to what belongs behind it
					found[diag.Pos{File: id.file, Line: id.line, Col: at + n + 1}] = len(line)
				case (from == len(line) || isBlank(line[from]) || line[from] == '{') && m.likeSecret(word):
					found[diag.Pos{File: id.file, Line: id.line, Col: at + 1}] = len(line)
				}
			}
		})
	}
	return found
}

// nextWord returns the word of line at or behind from, and where it is.
func nextWord(line string, from int) (word string, at int) {
	between := func(c byte) bool { return isBlank(c) || c == '{' || c == '}' || c == '"' }
	for from < len(line) && between(line[from]) {
		from++
	}
	end := from
	for end < len(line) && !between(line[end]) {
		end++
	}
	return line[from:end], from
}

// longName is how long a name is that is hardly part of another word.
const longName = 8

// nameIn is the length of the name of a secret keyword to which more is glued: by a sign as
// in "auth_pass=x", or if it is a long name without one.
func (m *Mask) nameIn(word string) int {
	for _, n := range m.names {
		if l := len(n.name); len(word) > l && strings.EqualFold(word[:l], n.name) && (l >= longName || word[l] == '=' || word[l] == ':') && len(word) > l+1 {
			return l
		}
	}
	return 0
}

// likeSecret reports whether a word is the name of a secret keyword or a slip of it.
func (m *Mask) likeSecret(word string) bool {
	for i := range m.names {
		n := &m.names[i]
		if len(word) > len(n.name)+n.most || len(word) < len(n.name)-n.most {
			continue
		}
		if word == n.name {
			return true
		}
		if n.most > 0 && bits.OnesCount32(n.letters&^lettersOf(word)) <= n.most &&
			diag.Distance(strings.ToLower(word), n.name, n.most) <= n.most {
			return true
		}
	}
	return false
}

// arguments finds what the arguments of scripts give away.
func (m *Mask) arguments() {
	for _, f := range m.tree.Sources {
		eachLine(f, func(id lineID, line, _ string) {
			for _, c := range argumentValues(line) {
				value := line[c.from:c.to]
				if !isVariable(value) {
					m.addColumns(id, c)
					continue
				}
				for name := range references(value) {
					m.defs[name] = true
				}
			}
		})
	}
}

// uses reports whether a line refers to a definition that holds a secret.
func (m *Mask) uses(line string) bool {
	for ref := range references(line) {
		if m.defs[ref] {
			return true
		}
	}
	return false
}

// references are the names of the definitions that a text refers to.
func references(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for from := 0; ; {
			ref, ok := findReference(text, from)
			if !ok || !yield(ref.name) {
				return
			}
			from = ref.to
		}
	}
}

// taint finds the definitions from which secrets come.
func (m *Mask) taint() {
	taintAll := func(text string) (more bool) {
		for name := range references(text) {
			if !m.defs[name] {
				m.defs[name], more = true, true
			}
		}
		return more
	}
	for more, first := true, true; more; first = false {
		more = false
		for _, f := range m.tree.Sources {
			if bytes.IndexByte(f.Text, '$') < 0 {
				continue
			}
			eachLine(f, func(id lineID, line string, def string) {
				switch {
				case m.defs[def]:
					more = taintAll(valueOf(line)) || more
				case first:
					for _, c := range m.words[id.file][id.line] {
						c = c.within(line)
						more = taintAll(line[c.from:c.to]) || more
					}
				}
			})
		}
	}
}

func (c columns) within(line string) columns {
	from := min(max(c.from, 0), len(line))
	return columns{from, min(max(c.to, from), len(line))}
}

// eachLine calls f for every line of a source, with the name of the definition
// that it is part of.
func eachLine(s Source, f func(id lineID, line, def string)) {
	def, text, line := "", string(s.Text), ""
	for n, more := 1, true; more; n++ {
		line, text, more = strings.Cut(text, "\n")
		if def == "" {
			def = definedIn(line)
		}
		f(lineID{s.Name, n}, line, def)
		if def != "" && !strings.HasSuffix(trimBlank(line), `\`) {
			def = ""
		}
	}
}

// definedIn returns the name in "$NAME=...", perhaps behind a condition; "" is none.
func definedIn(line string) string {
	text := line[behindCondition(line):]
	if !strings.HasPrefix(text, "$") {
		return ""
	}
	name, _, ok := cutDefinition(text)
	if !ok {
		return ""
	}
	return name
}

// behindCondition is where the line begins behind blanks and "@id".
func behindCondition(line string) int {
	i := len(line) - len(strings.TrimLeft(line, " \t"))
	if i == len(line) || line[i] != '@' {
		return i
	}
	for i < len(line) && !isBlank(line[i]) {
		i++
	}
	for i < len(line) && isBlank(line[i]) {
		i++
	}
	return i
}

// valueOf is a line of a definition without "$NAME=".
func valueOf(line string) string { return line[valueAt(line):] }

func valueAt(line string) int {
	i := behindCondition(line)
	if definedIn(line) != "" {
		return strings.IndexByte(line, '=') + 1
	}
	return i
}

// hideText returns the text of a source without its secrets.
func (m *Mask) hideText(name string, text []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(text))
	eachLine(Source{Name: name, Text: text}, func(id lineID, line, def string) {
		if id.line > 1 {
			out.WriteByte('\n')
		}
		out.WriteString(hideColumns(line, m.secretsIn(id, line, def)))
	})
	return out.Bytes()
}

// secretsIn are the parts of a line to hide, in their order.
func (m *Mask) secretsIn(id lineID, line, def string) []columns {
	if m.defs[def] {
		from := valueAt(line)
		return []columns{{from, from + len(strings.TrimRight(line[from:], " \t\r\\"))}}
	}
	words := m.words[id.file][id.line]
	if len(words) == 0 {
		return nil
	}
	if i := behindCondition(line); i < len(line) && line[i] == '~' { // values are in its list
		i = min(i+len("~LST("), len(line))
		return []columns{{i, len(strings.TrimRight(line, " \t\r"))}}
	}
	out := make([]columns, 0, len(words))
	for _, c := range words {
		c = c.within(line)
		if m.isName(line[c.from:c.to]) {
			c = argumentsOf(line, c)
		} else if c.to < len(line) && line[c.to] == '{' { // a brace in a password has cut it
			c.to = len(strings.TrimRight(line, " \t\r"))
		}
		out = append(out, c)
	}
	out = ordered(out)
	joined := out[:1]
	for _, c := range out[1:] { // how many words there are is nobody's business either
		if before := &joined[len(joined)-1]; c.from <= before.to || trimBlank(line[before.to:c.from]) == "" {
			before.to = max(before.to, c.to)
		} else {
			joined = append(joined, c)
		}
	}
	return joined
}

// ordered sorts columns by where they begin.
func ordered(list []columns) []columns {
	slices.SortFunc(list, func(a, b columns) int { return cmp.Compare(a.from, b.from) })
	return list
}

// isName reports whether text begins with a keyword that was not understood, as
// strangeLines has it.
func (m *Mask) isName(text string) bool {
	word, at := nextWord(text, 0)
	return at == 0 && len(word) < len(text) && m.likeSecret(word)
}

// argumentsOf narrows c, which begins with a keyword, to what follows but for the last braces.
func argumentsOf(line string, c columns) columns {
	word, at := nextWord(line, c.from)
	from := at + len(word)
	for from < c.to && isBlank(line[from]) {
		from++
	}
	return columns{from, from + len(strings.TrimRight(line[from:c.to], " \t\r{}"))}
}

// Texts returns the sources by name, as the renderers of package diag want them.
func (m *Mask) Texts() map[string][]byte {
	texts := make(map[string][]byte, len(m.tree.Sources))
	for _, s := range m.tree.Sources {
		texts[s.Name] = s.Text
		if len(m.words) > 0 {
			texts[s.Name] = m.hideText(s.Name, s.Text)
		}
	}
	return texts
}

// Text returns a message without secrets.
func (m *Mask) Text(text string) string {
	for _, v := range m.values {
		if strings.Contains(text, v) {
			text = hideWord(text, v)
		}
	}
	return text
}

// shortSecret is how short a secret is that is hidden as a word only: it may well be
// part of words that have nothing to do with it.
const shortSecret = 3

// hideWord hides secret; a short one where it is not part of a longer word.
func hideWord(text, secret string) string {
	var out strings.Builder
	for at := 0; ; {
		i := strings.Index(text[at:], secret)
		if i < 0 {
			out.WriteString(text[at:])
			return out.String()
		}
		from, to := at+i, at+i+len(secret)
		inside := from > 0 && isWordOctet(text[from-1]) && isWordOctet(secret[0]) ||
			to < len(text) && isWordOctet(text[to]) && isWordOctet(secret[len(secret)-1])
		if inside && len(secret) <= shortSecret {
			out.WriteString(text[at : from+1])
			at = from + 1
			continue
		}
		out.WriteString(text[at:from])
		out.WriteString(Hidden)
		at = to
	}
}

func isWordOctet(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// Findings returns l without secrets in its texts.
func (m *Mask) Findings(l diag.List) diag.List {
	if len(m.values) == 0 {
		return l
	}
	out := slices.Clone(l)
	for i := range out {
		if at := out[i].Subject.Start(); at.IsValid() && !m.lines[lineID{at.File, at.Line}] {
			continue
		}
		d := &out[i]
		for _, text := range []*string{&d.Summary, &d.Expected, &d.Suggest, &d.Hint} {
			*text = m.Text(*text)
		}
		d.Related = slices.Clone(d.Related)
		for j := range d.Related {
			d.Related[j].Text = m.Text(d.Related[j].Text)
		}
	}
	return out
}

// Redact returns a copy of nodes, which stand at path, with Hidden for the secrets, those
// among the arguments of scripts, too.
func Redact(s *Schema, path string, nodes []*Node) []*Node {
	members := s.members(path)
	out := make([]*Node, len(nodes))
	for i, n := range nodes {
		c := *n
		if len(n.Args) > 0 {
			texts := make([]string, len(n.Args))
			for j := range n.Args {
				texts[j] = n.Args[j].Text
			}
			s.HideWords(members[n.Keyword.Text], texts)
			c.Args = slices.Clone(n.Args)
			for j := range c.Args {
				c.Args[j].Text = texts[j]
			}
		}
		if n.Form == FormScript && n.Raw != nil {
			raw := *n.Raw
			raw.Text = HideArguments(raw.Text)
			c.Raw = &raw
		}
		if n.Block != nil {
			c.Block = Redact(s, join(path, n.Keyword.Text), n.Block)
		}
		out[i] = &c
	}
	return out
}

// HideWords puts Hidden for the secrets among the words behind k: those of its own, and
// what stands behind the name of a keyword with one, as in "auth_type PASS auth_pass x".
func (s *Schema) HideWords(k *Keyword, words []string) {
	from := len(words)
	if k != nil && k.Secret > 0 {
		from = k.Secret - 1
	}
	for i := range min(from, len(words)) {
		if s != nil && s.secret[words[i]] {
			from = i + 1
			break
		}
	}
	for i := from; i < len(words); i++ {
		words[i] = Hidden
	}
}
