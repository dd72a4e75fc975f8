package config

// condition deals with "@id rest" and "@^id rest": rest counts only when id is,
// or with ^ is not, the configuration's id. A line without rest does not count.
func (r *reader) condition(l line) (rest line, keep bool) {
	if l.text[0] != '@' {
		return l, true
	}
	i := 1
	not := i < len(l.text) && l.text[i] == '^'
	if not {
		i++
	}
	end := i
	for end < len(l.text) && !isBlank(l.text[end]) {
		end++
	}
	rest = l.cut(end, len(l.text)).trim()
	if rest.text == "" {
		return rest, false
	}
	return rest, (l.text[i:end] == r.configID) != not
}
