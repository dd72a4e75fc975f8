package config

// SplitShell splits the raw text behind a script keyword (Node.Raw) into words the
// way keepalived's second tokenizer does: ' and " quote, adjacent parts join,
// backslash escapes (\a \b \E \f \n \r \t \v \nnn \xXX \cC, any other \c is c) are
// expanded outside single quotes. An error is an unmatched quote; the words before it are returned.
func SplitShell(raw string) (argv []string, err error) { return nil, nil }

// UnquoteRegex reads one word in the tokenizer's regex mode, which expands escapes
// at once, and returns the rest of the text behind it.
func UnquoteRegex(raw string) (word, rest string, err error) { return "", "", nil }
