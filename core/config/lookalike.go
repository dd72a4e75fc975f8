package config

import (
	"strings"
	"unicode/utf8"

	"keepalived/core/diag"
)

// byteOrderMark is what some editors begin a file with.
const byteOrderMark = "\uFEFF"

// byteOrder passes over a mark at the start of a file. keepalived takes it for part
// of the first word, and so loses the block that begins there.
func (r *reader) byteOrder(at *place, text string) string {
	mark := line{text: text[:min(len(text), len(byteOrderMark))], col: 1, at: &place{file: at.file, num: 1}}
	switch {
	case strings.HasPrefix(text, byteOrderMark):
		r.warnf(mark.whole(), diag.Lookalike, "the file begins with a byte order mark, which is passed over")
		r.list.WithHint("save it without: 2.2.7 takes the mark for part of the first word and loses the block that begins there")
		return text[len(byteOrderMark):]
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		r.errorf(mark.whole(), diag.Lookalike, "the file is UTF-16, of which nothing can be understood")
		r.list.WithHint("save it as UTF-8 without a byte order mark")
	}
	return text
}

// lookalike names a character that people take for another one.
func lookalike(c rune) (name, meant string) {
	switch {
	case c == '\u00a0', c == '\u202f', c == '\u2007':
		return "a non-breaking space", "a blank"
	case c == '\u200b', c == '\u200c', c == '\u200d', c == '\u2060', c == '\ufeff':
		return "a character without width", "nothing"
	case c == '“', c == '”', c == '„', c == '‟', c == '«', c == '»':
		return "a typographic quote", `"`
	case c == '‘', c == '’', c == '‚', c == '‛':
		return "a typographic quote", "'"
	case c == '‐', c == '‑', c == '–', c == '—', c == '−':
		return "a typographic dash", "-"
	case c == '\u3000':
		return "a full-width blank", "a blank"
	case c > '！' && c <= '～' || c == '！': // the ASCII signs and letters in full width
		return "a full-width character", string(c - '！' + '!')
	}
	return "", ""
}

// lookalikes names the first character of a line that looks like one with a meaning
// and has none. In double quotes it may well be meant.
func (r *reader) lookalikes(l line) {
	quoted := false
	for i := 0; i < len(l.text); {
		if b := l.text[i]; b < utf8.RuneSelf {
			quoted = quoted != (b == '"')
			i++
			continue
		}
		c, n := utf8.DecodeRuneInString(l.text[i:])
		if name, meant := lookalike(c); name != "" && !quoted {
			r.warnf(l.rng(i, i+n), diag.Lookalike, "U+%04X is %s and counts as a letter", c, name)
			r.list.Expect("%s", meant)
			return
		}
		i += n
	}
}
