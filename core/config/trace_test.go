package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAnnotate: a finding in what a definition made tells where its value was written,
// one in an included file how that came in.
func TestAnnotate(t *testing.T) {
	files := MapFiles{
		"main":  "$K=frob\n$A=\\\n1\n~SEQ(i, 3) $K $i\nvrrp_instance V {\n@main $K ${A}\nlost\ninclude d/one\n}\n",
		"d/one": "\ninclude two\n", "d/two": "$K x\nfrob2\n",
	}
	tree, list := Parse(files, "main", Env{ConfigID: "main"}, testSchema())
	tree.Annotate(list)
	want := `main:4:12: warning: Unknown keyword 'frob' [unknown-keyword]
    4 | ~SEQ(i, 3) $K $i
      |            ^~
main:1:1: note: $K is set here
    1 | $K=frob
      | ^~~~~~~
main:4:12: warning: Unknown keyword 'frob' [unknown-keyword]
    4 | ~SEQ(i, 3) $K $i
      |            ^~
main:1:1: note: $K is set here
    1 | $K=frob
      | ^~~~~~~
main:4:12: warning: Unknown keyword 'frob' [unknown-keyword]
    4 | ~SEQ(i, 3) $K $i
      |            ^~
main:1:1: note: $K is set here
    1 | $K=frob
      | ^~~~~~~
main:6:7: warning: Unknown keyword 'frob' [unknown-keyword]
    6 | @main $K ${A}
      |       ^~
      expected: a keyword of vrrp_instance, or }
main:1:1: note: $K is set here
    1 | $K=frob
      | ^~~~~~~
main:7:1: warning: Unknown keyword 'lost' [unknown-keyword]
    7 | lost
      | ^~~~
      expected: a keyword of vrrp_instance, or }
d/two:1:1: warning: Unknown keyword 'frob' [unknown-keyword]
    1 | $K x
      | ^~
      expected: a keyword of vrrp_instance, or }
main:1:1: note: $K is set here
    1 | $K=frob
      | ^~~~~~~
d/one:2:9: note: included here
    2 | include two
      |         ^~~
main:8:9: note: included here
    8 | include d/one
      |         ^~~~~
d/two:2:1: warning: Unknown keyword 'frob2' [unknown-keyword]
    2 | frob2
      | ^~~~~
      expected: a keyword of vrrp_instance, or }
d/one:2:9: note: included here
    2 | include two
      |         ^~~
main:8:9: note: included here
    8 | include d/one
      |         ^~~~~
`
	if diff := cmp.Diff(want, list.Full(tree.Texts())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
