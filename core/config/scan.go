package config

import (
	"strings"
	"unicode/utf8"
)

// uncomment ends l where an unquoted # or ! starts a comment, and notes its signs.
// Quoting is the line reader's: " toggles it, \" does not, and \# and \! are no
// comments. The backslashes stay in the text; the word scanner removes them.
// open reports a quote that is not closed.
func uncomment(l line) (_ line, open bool) {
	l.signs = 0
	text := l.text
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', '}':
			l.signs |= braces
		case '$':
			l.signs |= dollars
		case '\\':
			l.signs |= quotes
			if i+1 < len(text) && (text[i+1] == '"' || isCommentSign(text[i+1])) {
				i++
			}
		case '"':
			l.signs |= quotes
			open = !open
		case '#', '!':
			if !open {
				return l.cut(0, i), false
			}
		default:
			if c >= utf8.RuneSelf {
				l.signs |= foreign
			}
		}
	}
	return l, open
}

// brace finds the first unquoted brace of text; -1 when there is none. Braces
// cannot be escaped.
func brace(text string) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if i+1 < len(text) && text[i+1] == '"' {
				i++
			}
		case '"':
			quoted = !quoted
		case '{', '}':
			if !quoted {
				return i
			}
		}
	}
	return -1
}

// scanner takes words from a line. Here " quotes from the start of a word to the
// next ", with no escapes; inside a bare word it starts a new word. Single quotes
// mean nothing.
type scanner struct {
	l         line
	at        int
	unmatched bool // a quote without its end was met: nothing follows
}

// next writes the next word to w, which is empty; false when there is none.
func (s *scanner) next(w *Word) bool {
	text := s.l.text
	for s.at < len(text) && isBlank(text[s.at]) {
		s.at++
	}
	if s.at == len(text) || s.unmatched {
		return false
	}
	start := s.at
	if text[start] == '"' {
		n := strings.IndexByte(text[start+1:], '"')
		if n < 0 {
			s.unmatched = true
			return false
		}
		s.at = start + n + 2
		w.Text, w.Quoted = text[start+1:s.at-1], true
		w.Range = s.l.rng(start, s.at)
		return true
	}
	escaped := false
	if s.l.signs&quotes == 0 {
		for s.at < len(text) && !isBlank(text[s.at]) {
			s.at++
		}
	} else {
		escaped = s.bare()
	}
	w.Text = text[start:s.at]
	w.Range = s.l.rng(start, s.at)
	if escaped {
		w.Text = unescape.Replace(w.Text)
	}
	return true
}

// bare goes to the end of a word without quotes; escaped reports that it holds
// an escaped comment sign.
func (s *scanner) bare() (escaped bool) {
	text := s.l.text
	for s.at < len(text) && !isBlank(text[s.at]) && text[s.at] != '"' {
		if text[s.at] == '\\' && s.at+1 < len(text) && isCommentSign(text[s.at+1]) {
			escaped = true
			s.at++
		}
		s.at++
	}
	return escaped
}

// rest returns what stands behind the words taken so far.
func (s *scanner) rest() Word {
	l := s.l.cut(s.at, len(s.l.text)).trim()
	if l.text == "" {
		return Word{}
	}
	return Word{Text: l.text, Range: l.whole()}
}

func isCommentSign(c byte) bool { return c == '#' || c == '!' }

// unescape gives the signs that would start a comment their own meaning back.
var unescape = strings.NewReplacer(`\#`, "#", `\!`, "!")
