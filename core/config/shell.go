package config

import (
	"fmt"
	"strings"
)

// QuoteError says that a quote is not closed.
type QuoteError struct {
	Quote byte // " or '
}

func (e *QuoteError) Error() string {
	return fmt.Sprintf("missing terminating %c", e.Quote)
}

// SplitShell splits text into words the way keepalived's second tokenizer does:
// white space separates, " and ' quote alike, adjacent parts join, and a
// backslash escape is expanded everywhere, in either kind of quotes, too:
// \a \b \E \f \n \r \t \v, \nnn octal, \xXX, \cC, any other \c is c. A word ends
// at a NUL. The error is a *QuoteError; the words before the open one are returned.
//
// The line of a script passes through it twice, which 2.2.7 was seen to do:
// Node.Raw gives the command, user and group, and the command gives its argv. A
// regex passes once.
func SplitShell(text string) (words []string, err error) {
	i := 0
	for {
		for i < len(text) && isBlank(text[i]) {
			i++
		}
		if i == len(text) {
			return words, nil
		}
		var word strings.Builder
		quote := byte(0)
		for ; i < len(text) && (quote != 0 || !isBlank(text[i])); i++ {
			c := text[i]
			switch {
			case c == '\\' && i+1 < len(text):
				n, value := escape(text[i+1:])
				word.WriteByte(value)
				i += n
			case c == quote && quote != 0:
				quote = 0
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			default:
				word.WriteByte(c)
			}
		}
		if quote != 0 {
			return words, &QuoteError{Quote: quote}
		}
		w, _, _ := strings.Cut(word.String(), "\x00")
		words = append(words, w)
	}
}

// escape reads what follows a backslash; n is the number of octets it takes.
func escape(s string) (n int, value byte) {
	switch c := s[0]; c {
	case 'a':
		return 1, '\a'
	case 'b':
		return 1, '\b'
	case 'E':
		return 1, 0x1b
	case 'f':
		return 1, '\f'
	case 'n':
		return 1, '\n'
	case 'r':
		return 1, '\r'
	case 't':
		return 1, '\t'
	case 'v':
		return 1, '\v'
	case 'c':
		if len(s) > 1 {
			return 2, s[1] & 0x1f
		}
		return 1, c
	case 'x':
		n, value = digits(s[1:], 2, 16)
		if n == 0 {
			return 1, c
		}
		return n + 1, value
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return digits(s, 3, 8)
	default:
		return 1, c
	}
}

// digits reads up to most digits of a base.
func digits(s string, most, base int) (n int, value byte) {
	for n < most && n < len(s) {
		d := strings.IndexByte("0123456789abcdef", s[n]|0x20)
		if s[n] < '0' || d < 0 || d >= base {
			break
		}
		value = value*byte(base) + byte(d)
		n++
	}
	return n, value
}
