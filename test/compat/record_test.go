package compat

import (
	"flag"
	"maps"
	"os"
	"slices"
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

// write adds answers to the record.
func (r record) write(t *testing.T, all []input, their []answer) {
	t.Helper()
	for i, in := range all {
		r[in.name+"/ended"] = their[i].ended
		for name, text := range map[string]string{vrrpDump: their[i].vrrp, checkDump: their[i].check} {
			if text != "" {
				r[in.name+"/"+name] = normal(name, text) + "\n"
			}
		}
	}
	a := txtar.Archive{Comment: []byte("What keepalived 2.2.7 made of the inputs with virtual servers, on a kernel with ip_vs.\n")}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(r[name])})
	}
	if err := os.WriteFile(recordFile, txtar.Format(&a), 0o644); err != nil {
		t.Fatal(err)
	}
}
