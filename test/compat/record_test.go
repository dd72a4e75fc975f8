package compat

import (
	"flag"
	"os"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "record what 2.2.7 makes of the inputs with virtual servers (go test -run TestKernelInputs -update -timeout 30m)")

const recordFile = "testdata/recorded.txtar"

// record holds what 2.2.7 made of the inputs that need ip_vs: "NAME/ended", with its
// exit status when it ended, and its dumps as normal leaves them.
type record map[string]string

func readRecord(t *testing.T) record {
	t.Helper()
	a, err := txtar.ParseFile(recordFile)
	if err != nil {
		t.Fatal(err)
	}
	r := record{}
	for _, f := range a.Files {
		r[f.Name] = string(f.Data)
	}
	return r
}

// recall completes an answer that was only about -t.
func (r record) recall(t *testing.T, in input, a *answer) {
	ended, ok := r[in.name+"/ended"]
	if !ok {
		t.Errorf("%s: nothing is recorded of it: go test -run TestKernelInputs -update -timeout 30m", in.name)
	}
	a.ended, a.vrrp, a.check = strings.TrimSpace(ended), r[in.name+"/"+vrrpDump], r[in.name+"/"+checkDump]
}

func writeRecord(t *testing.T, all []input, their []answer) {
	t.Helper()
	a := txtar.Archive{Comment: []byte("What keepalived 2.2.7 made of the inputs with virtual servers, on a kernel with ip_vs.\n")}
	for i, in := range all {
		add := func(name, text string) {
			if text != "" {
				a.Files = append(a.Files, txtar.File{Name: in.name + "/" + name, Data: []byte(text + "\n")})
			}
		}
		a.Files = append(a.Files, txtar.File{Name: in.name + "/ended", Data: []byte(their[i].ended)})
		add(vrrpDump, normal(vrrpDump, their[i].vrrp))
		add(checkDump, normal(checkDump, their[i].check))
	}
	if err := os.WriteFile(recordFile, txtar.Format(&a), 0o644); err != nil {
		t.Fatal(err)
	}
}
