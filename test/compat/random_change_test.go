package compat

import (
	"slices"
	"strings"
)

// changes are what is done to a configuration, each as often as the next.
var changes = []change{
	insertSnippet, insertSnippet, insertSnippet,
	dropLine, doubleLine, swapLines, moveLines, joinLines, splitLine, doubleLines,
	dropWord, word(func(m *maker, w string) string { return w + " " + w }), swapWords, word((*maker).otherKeyword),
	argument(oddNumber), argument(oddNumber), argument(oddNumber),
	word(oddQuotes), argument(oddQuotes), at(oddQuote), at(oddComment), comment,
	braceBelow, braceBehind, braceGone, at(oddBrace), emptyBlock, moveBlock,
	definitionOf, definitionOf, definitionOfPart, definitionOfLines, definitionOfLines, oddDefinition, oddDefinition,
	includeLines, includeLines, oddInclude, sequenceOf, listOf, oddSequence, condition, condition,
	at(func(m *maker, before, behind string) string { return before + oddSpace(m) + behind }), otherSpace, lineEnds, noLastNewline,
	longWord, cut, backslash, at(oddOctet), withoutMember,
}

func dropLine(m *maker, lines []string) []string {
	i := m.pick(lines)
	return slices.Delete(lines, i, i+1)
}

func doubleLine(m *maker, lines []string) []string {
	i := m.pick(lines)
	return slices.Insert(lines, m.IntN(len(lines)+1), lines[i])
}

func doubleLines(m *maker, lines []string) []string {
	from, to := m.span(lines)
	return slices.Insert(lines, m.IntN(len(lines)+1), slices.Clone(lines[from:to])...)
}

func swapLines(m *maker, lines []string) []string {
	i, k := m.pick(lines), m.pick(lines)
	lines[i], lines[k] = lines[k], lines[i]
	return lines
}

func moveLines(m *maker, lines []string) []string {
	from, to := m.span(lines)
	some := slices.Clone(lines[from:to])
	lines = slices.Delete(lines, from, to)
	return slices.Insert(lines, m.IntN(len(lines)+1), some...)
}

func joinLines(m *maker, lines []string) []string {
	i := m.pick(lines)
	if i+1 == len(lines) {
		return lines
	}
	lines[i] += m.one(" ", "") + strings.TrimSpace(lines[i+1])
	return slices.Delete(lines, i+1, i+2)
}

func splitLine(m *maker, lines []string) []string {
	i := m.pick(lines)
	words := strings.Fields(lines[i])
	if len(words) < 2 {
		return lines
	}
	k := 1 + m.IntN(len(words)-1)
	lines[i] = strings.Join(words[:k], " ")
	return slices.Insert(lines, i+1, strings.Join(words[k:], " "))
}

func dropWord(m *maker, lines []string) []string {
	i := m.pick(lines)
	words := strings.Fields(lines[i])
	if len(words) > 0 {
		k := m.IntN(len(words))
		lines[i] = strings.Join(slices.Delete(words, k, k+1), " ")
	}
	return lines
}

func swapWords(m *maker, lines []string) []string {
	i := m.pick(lines)
	words := strings.Fields(lines[i])
	if len(words) > 1 {
		k := m.IntN(len(words) - 1)
		words[k], words[k+1] = words[k+1], words[k]
		lines[i] = strings.Join(words, " ")
	}
	return lines
}

func (m *maker) otherKeyword(string) string { return m.keywords[m.IntN(len(m.keywords))] }

func oddQuotes(m *maker, w string) string {
	i := m.IntN(len(w) + 1)
	return m.one(`"`+w+`"`, `'`+w+`'`, `"`+w, w+`"`, `'`+w, `""`, `"`+w[:i]+`"`+w[i:], w[:i]+`"`+w[i:]+`"`, w[:i]+`'`+w[i:]+`'`,
		`"`+w[:i]+` `+w[i:]+`"`, `"`+w[:i]+`\"`+w[i:]+`"`, `\"`+w, `"`+w[:i]+`"'`+w[i:]+`'`, `“`+w+`”`, `"`+w+`" "`, `"`+w+`{"`, `"`+w+` # }"`)
}

func oddQuote(m *maker, before, behind string) string {
	return before + m.one(`"`, `'`, `\"`, `""`, `\'`, `\`) + behind
}

func oddComment(m *maker, before, behind string) string {
	return before + m.one("#", "!", " # ", "##", "#{", "#}", `#"`, "//", "/*", ";") + behind
}

func comment(m *maker, lines []string) []string {
	return slices.Insert(lines, m.IntN(len(lines)+1), m.one("#", "! x", "  # {", `# "`, "# }", "#include x", "// x", "; x", `# \`))
}

// withBrace picks a line with a brace of that kind; -1 when there is none.
func (m *maker) withBrace(lines []string, sign string) int {
	for range 50 {
		if i := m.IntN(len(lines)); strings.Contains(lines[i], sign) {
			return i
		}
	}
	return -1
}

func braceBelow(m *maker, lines []string) []string {
	if i := m.withBrace(lines, "{"); i >= 0 {
		lines[i] = strings.Replace(lines[i], "{", m.one("\n{", "\n\n{\n", "\n# x\n{", "{{", "{\n{", "", "{ {", "\n { "), 1)
	}
	return lines
}

func braceBehind(m *maker, lines []string) []string {
	i := m.withBrace(lines, "}")
	if i < 0 {
		return lines
	}
	if i > 0 && m.IntN(2) == 0 {
		lines[i-1] += m.one(" ", "") + strings.TrimSpace(lines[i])
		return slices.Delete(lines, i, i+1)
	}
	if i+1 < len(lines) {
		lines[i] += m.one(" ", "") + strings.TrimSpace(lines[i+1])
		return slices.Delete(lines, i+1, i+2)
	}
	return lines
}

func braceGone(m *maker, lines []string) []string {
	sign := m.one("{", "}", "}")
	if i := m.withBrace(lines, sign); i >= 0 {
		lines[i] = strings.Replace(lines[i], sign, "", 1)
	}
	return lines
}

func oddBrace(m *maker, before, behind string) string {
	return before + m.one("{", "}", " { ", " } ", " {}", "{ }", "}{", "}}") + behind
}

// block picks the lines of a block.
func (m *maker) block(lines []string) (from, to int, ok bool) {
	from = m.withBrace(lines, "{")
	if from < 0 {
		return 0, 0, false
	}
	depth := 0
	for to = from; to < len(lines); to++ {
		depth += strings.Count(lines[to], "{") - strings.Count(lines[to], "}")
		if depth <= 0 {
			return from, to + 1, true
		}
	}
	return 0, 0, false
}

func emptyBlock(m *maker, lines []string) []string {
	from, to, ok := m.block(lines)
	if !ok || to-from < 2 {
		return lines
	}
	return slices.Delete(lines, from+1, to-1)
}

func moveBlock(m *maker, lines []string) []string {
	from, to, ok := m.block(lines)
	if !ok {
		return lines
	}
	some := slices.Clone(lines[from:to])
	if m.IntN(3) > 0 {
		lines = slices.Delete(lines, from, to)
	}
	return slices.Insert(lines, m.IntN(len(lines)+1), some...)
}

// name is that of a definition.
func (m *maker) name() string {
	return m.one("A", "B", "NAME", "a_1", "_X", "_PWD", "_RANDOM", "_HASH")
}

// definitionOf writes a word as a definition.
func definitionOf(m *maker, lines []string) []string {
	name, value := m.name(), ""
	lines = word(func(m *maker, w string) string {
		value = w
		return m.one("$"+name, "${"+name+"}", "$"+name, "${"+name+"}", "$"+name+",", "x${"+name+"}", "${"+name+"}x", "$"+name+"x", "${ "+name+"}", "${"+name)
	})(m, lines)
	return slices.Insert(lines, 0, "$"+name+m.one("=", "=", "=", " = ", "= ", "==")+value)
}

func definitionOfPart(m *maker, lines []string) []string {
	name, value := m.name(), ""
	lines = word(func(m *maker, w string) string {
		i := m.IntN(len(w) + 1)
		value = w[:i]
		return "${" + name + "}" + w[i:]
	})(m, lines)
	return slices.Insert(lines, 0, "$"+name+"="+value)
}

// definitionOfLines makes one of several lines.
func definitionOfLines(m *maker, lines []string) []string {
	from, to, ok := m.block(lines)
	if !ok || m.IntN(3) == 0 {
		from, to = m.span(lines)
	}
	name := m.name()
	some := slices.Clone(lines[from:to])
	for i := range some[:len(some)-1] {
		some[i] += m.one(` \`, ` \`, `\`, `\ `)
	}
	some[0] = "$" + name + m.one("=", "=", "=\\\n") + some[0]
	lines = slices.Replace(lines, from, to, m.one("$"+name, "${"+name+"}", "  $"+name, "$"+name+" x", "{ $"+name, "$"+name+" }"))
	return append(some, lines...)
}

func oddDefinition(m *maker, lines []string) []string {
	return slices.Insert(lines, m.IntN(len(lines)+1), m.one("$A=1", "$A=", "$A", "${A}", "$A=$A", "$A=${B}\n$B=eth0\ninterface $A", "$=x", "$1=x", "$A==x", "$A =x", `$A="a b"`,
		`$A="`, "$A={", "$A=}", "$A=#x", "$A=1\n$A=2", "$A=x \\\ny \\\nz", "$A=x \\", "$A=\\\nfrob 1", "$A=~SEQ(i,1,2) frob $i", "@lab $A=1",
		"priority ${_RANDOM 5 5}", "priority ${_RANDOM}", "router_id ${_PWD}", "router_id ${_INSTANCE}", "router_id ${_HASH}x", `router_id "${_HASH}x"`, "${_BANG}x",
		"$A=\"x\n$A", "$A=priority\n$B=77\n$A $B", "$A=priority \\\n$A 7", "$A=a{ \\\n}\n$A", "$A=vrrp_instance\n$A X {", "priority $UNDEFINED", "priority ${UNDEFINED}", "priority ${UNDEFINED", "$A=x$B\n$B=5"))
}

// includeLines moves lines to another file.
func includeLines(m *maker, lines []string) []string {
	from, to, ok := m.block(lines)
	if !ok || m.IntN(3) == 0 {
		from, to = m.span(lines)
	}
	file := m.one("inc.conf", "d/inc.conf", "d/e/inc.conf", "inc2.conf")
	text := strings.Join(lines[from:to], "\n")
	if m.IntN(4) > 0 {
		text += "\n"
	}
	m.files[file] = text
	how := m.one("include", "include", "include", "includer", "includem", "includew", "includeb", "includea", "includex")
	pattern := m.one(file, file, file, "./"+file, "/etc/keepalived/"+file, "d/*", "*.conf", "inc*", "{"+file+",none}", `"`+file+`"`, file+" # x", file+" x", file+"{", "d/../"+file, "d/**", "[i]nc.conf", "d")
	if pattern == "*.conf" { // would include this file
		pattern = "i*.conf"
	}
	line := how + " " + pattern
	if m.IntN(4) == 0 {
		line = m.one("$F="+pattern+"\n"+how+" $F", "@^lab "+line, line+" }", "  "+line, "{ "+line)
	}
	return slices.Replace(lines, from, to, line)
}

func oddInclude(m *maker, lines []string) []string {
	return slices.Insert(lines, m.IntN(len(lines)+1), m.one("include", "include none", "include none*", "include /nothere/*", "include .", "include ..", "include d", "include \"\"", "include {}", "include {a,b}",
		"includem none", "includew none*", "includer none", "includea none", "includeb {a,b}", "include ~/x", "include $A", "include_check", "include none none", "include\tnone", "INCLUDE none", "include /dev/null", "include /bin/true"))
}

// sequenceOf makes a line one of several by ~SEQ.
func sequenceOf(m *maker, lines []string) []string {
	i := m.pick(lines)
	words := strings.Fields(lines[i])
	if len(words) == 0 {
		return lines
	}
	k := m.IntN(len(words))
	if m.IntN(2) == 0 {
		words[k] += "$n"
	} else {
		words[k] = m.one("$n", "${n}", "10.0.0.$n", "x${n}y")
	}
	lines[i] = m.one("~SEQ(n,1,3) ", "~SEQ(n,3) ", "~SEQ(n,9,2,13) ", "~SEQx(n,9,11) ", "~SEQ(n, 3, 1)", "~SEQ(n,-3) ", "~SEQ(n,0x9,0x10) ", "~SEQ(n,3,1,1) ", "~SEQ(n,1,0,3) ", "~SEQ(n,010) ", "~SEQ (n,2) ",
		"~SEQ(n,1,2) ~SEQ(k,1,2) ", "~SEQ(n) ", "~SEQ(n,1,2", "~SEQx(n,-1,2) ", "~SEQ(n,a) ", "~SEQ(,1,2) ", "~SEQ(n,1,2,3,4) ", "~SEQ(n,5,5) ") + strings.Join(words, " ")
	return lines
}

func listOf(m *maker, lines []string) []string {
	i := m.pick(lines)
	words := strings.Fields(lines[i])
	if len(words) == 0 {
		return lines
	}
	k := m.IntN(len(words))
	value := strings.Trim(words[k], "{}")
	words[k] = m.one("$n", "${n}", "x${n}y")
	lines[i] = "~LST" + m.one("(n,"+value+",x)", "(n, "+value+")", "({n,k},{"+value+",1},{x,2})", "({n,k},{"+value+"})", "(n,"+value, "(n)", "({n},"+value+")", "(n,{"+value+",x})", "({n,k},{"+value+",1,2})", "(n,,"+value+")", "(n,\""+value+"\")") +
		m.one(" ", "") + strings.Join(words, " ")
	return lines
}

func oddSequence(m *maker, lines []string) []string {
	return slices.Insert(lines, m.IntN(len(lines)+1), m.one("~SEQ", "~LST", "~", "~frob x", "~SEQ(i,1,2)", "~SEQ(i,1,2) {", "~SEQ(i,1,2) }", "~SEQ(i,1,2) frob { x }", "~SEQ(i,1,2) frob$i", "  ~SEQ(i,1,2) priority 1$i",
		"x ~SEQ(i,1,2) y", "~LST(i,a,b) frob $i", "$A=priority 1$i \\\nadvert_int $i\n~SEQ(i,1,2) $A", "~SEQ(A,1,2) $B=$A", "~SEQ(i,1,2) @lab priority $i", "@lab ~SEQ(i,1,2) priority $i", "~SEQ(i,1,2)priority $i"))
}

func condition(m *maker, lines []string) []string {
	i := m.pick(lines)
	lines[i] = m.one("@lab ", "@lab ", "@^lab ", "@^lab ", "@x ", "@^x ", "@ ", "@^ ", "@lab\t", "@LAB ", "@lab", "@lab @lab ", "@lab,x ", " @lab ", "@l$n ") + lines[i]
	return lines
}

func otherSpace(m *maker, lines []string) []string {
	i := m.pick(lines)
	lines[i] = strings.ReplaceAll(lines[i], " ", oddSpace(m))
	return lines
}

func lineEnds(m *maker, lines []string) []string {
	end := m.one("\r", " ", "\t", "\r\r", "\f", " \\", ";")
	some := m.IntN(2) == 0
	for i := range lines {
		if !some || m.IntN(5) == 0 {
			lines[i] += end
		}
	}
	return lines
}

func noLastNewline(m *maker, lines []string) []string {
	for len(lines) > 1 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func longWord(m *maker, lines []string) []string {
	long := strings.Repeat("x", []int{16, 17, 64, 256, 500, 1000, 1021, 1022, 1023, 1024, 1025, 3000}[m.IntN(12)])
	if i := m.pick(lines); !strings.ContainsAny(lines[i], "#!") { // see the ledger for long comments
		lines[i] += m.one("", " ", " \"") + long
	}
	return lines
}

// cut ends the file somewhere.
func cut(m *maker, lines []string) []string {
	i := m.IntN(len(lines))
	lines = lines[:i+1]
	lines[i] = lines[i][:m.IntN(len(lines[i])+1)]
	return lines
}

func backslash(m *maker, lines []string) []string {
	i := m.pick(lines)
	lines[i] += m.one(`\`, ` \`, `\\`, `\ `)
	return lines
}

func oddOctet(m *maker, before, behind string) string {
	return before + m.one("\x00", "\x01", "\x7f", "\u00a0", "\u2013", "\u201c", "\ufeff", "\u200b", "\xff", "é", "{", "}", "$", "~", "@", "%", "*", "=", ":", ",") + behind
}

// withoutMember drops a line in a block, often one that has to be there.
func withoutMember(m *maker, lines []string) []string {
	for range 50 {
		i := m.IntN(len(lines))
		keyword, _, _ := strings.Cut(strings.TrimSpace(lines[i]), " ")
		if slices.Contains([]string{"interface", "virtual_router_id", "protocol", "script", "path", "real_server", "virtual_ipaddress", "lvs_sched", "lvs_method", "group"}, keyword) {
			return slices.Delete(lines, i, i+1)
		}
	}
	return lines
}
