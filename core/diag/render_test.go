package diag

import (
	"strings"
	"testing"
)

func at(line, from, to int) Range {
	return At(NewFileName("k.conf"), line, from, to)
}

func TestShort(t *testing.T) {
	var l List
	l.Errorf(at(14, 23, 26), BadNumber, "number '%s' outside range [1, 255]", "300")
	l.Errorf(Range{}, CannotRun, "(VI_1) the virtual router id must be set")
	if want := "(Line 14) number '300' outside range [1, 255]\n(VI_1) the virtual router id must be set\n"; l.Short(false) != want {
		t.Errorf("got %q, want %q", l.Short(false), want)
	}
	if want := "(k.conf: Line 14) number '300' outside range [1, 255]\n(VI_1) the virtual router id must be set\n"; l.Short(true) != want {
		t.Errorf("got %q, want %q", l.Short(true), want)
	}
}

func TestFull(t *testing.T) {
	long := strings.Repeat("x", 500) + " here " + strings.Repeat("y", 500)
	source := "\n    virtual_router_id 300\r\n\tstate\tmäster x\n\x1b[31mred\xff x\n" + long + "\nend"
	for _, c := range []struct {
		name, want string
		r          Range
		hint       string
	}{
		{name: "a word", r: at(2, 23, 26), hint: "use 1 to 255", want: `
k.conf:2:23: error: text
    2 |     virtual_router_id 300
      |                       ^~~
      hint: use 1 to 255
`},
		{name: "tabs are kept, letters counted", r: at(3, 8, 15), want: "\nk.conf:3:8: error: text\n" +
			"    3 | \tstate\tmäster x\n      | \t     \t^~~~~~\n"},
		{name: "behind letters of two octets", r: at(3, 16, 17), want: "\nk.conf:3:16: error: text\n" +
			"    3 | \tstate\tmäster x\n      | \t     \t       ^\n"},
		{name: "no control characters", r: at(4, 11, 12), want: "\nk.conf:4:11: error: text\n" +
			"    4 | \uFFFD[31mred\uFFFD x\n      |           ^\n"},
		{name: "a long line is cut", r: at(5, 502, 506), want: "\nk.conf:5:502: error: text\n" +
			"    5 | " + strings.Repeat("x", 39) + " here " + strings.Repeat("y", 115) + "\n      | " + strings.Repeat(" ", 40) + "^~~~\n"},
		{name: "nothing to mark", r: at(1, 1, 1), want: "\nk.conf:1:1: error: text\n    1 | \n      | ^\n"},
		{name: "behind the end", r: at(6, 40, 90), want: "\nk.conf:6:40: error: text\n    6 | end\n      |    ^\n"},
		{name: "no such line", r: at(60, 1, 2), want: "\nk.conf:60:1: error: text\n"},
		{name: "no place", hint: "none", want: "\nerror: text\n      hint: none\n"},
		{name: "another file", r: At(NewFileName("gone"), 1, 1, 1), want: "\ngone:1:1: error: text\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l List
			l.Errorf(c.r, Other, "text")
			l.WithHint("%s", c.hint)
			if got := "\n" + l.Full(map[string][]byte{"k.conf": []byte(source)}); got != c.want {
				t.Errorf("got:%s\nwant:%s", got, c.want)
			}
		})
	}
}
