package dialect_test

import (
	"testing"

	"keepalived/core/diag"
)

// FuzzCheck: whatever stands in a file, reading and checking it ends without a
// panic, and every complaint that names a place names one in the file.
func FuzzCheck(f *testing.F) {
	var t testing.T
	for i, p := range append(seeds(&t), probes(&t)...) {
		if i%10 == 0 {
			f.Add(p.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		r := ours(probe{text: text})
		lines := 1
		for _, b := range []byte(text) {
			if b == '\n' {
				lines++
			}
		}
		for _, d := range r.diags {
			if at := d.Subject.Start(); d.Severity > diag.Notice && at.Line > lines {
				t.Errorf("%q: complaint on line %d of %d: %s", text, at.Line, lines, d.Summary)
			}
		}
	})
}
