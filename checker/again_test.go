package checker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"keepalived/checker/health"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// again is a reload of what this process has in force.
func (r *rig) again() (taken bool) {
	r.Helper()
	wanted := r.wanted
	r.adopt(childapi.Update{SameAs: r.d.running})
	if taken = r.wanted == wanted; taken != (r.ready == r.gen) || r.wanted > wanted+1 {
		r.Errorf("ready %d, want %d; wanted the tree %d times", r.ready, r.gen, r.wanted-wanted)
	}
	return taken
}

// states are what the Director knows of all services, without their configuration.
func (r *rig) states() map[string]health.ServiceState {
	out := map[string]health.ServiceState{}
	for _, s := range r.d.model.services {
		out[s.key] = *r.d.director.Service(s.key).State
	}
	return out
}

// TestReloadOfWhatRuns: without a tree it is the reload of an unchanged file, down to
// every state and standing.
func TestReloadOfWhatRuns(t *testing.T) {
	text := two("sorry_server 10.0.0.5 80\nquorum 1") + strings.ReplaceAll(two(""), "10.0.0.100", "10.0.0.101")
	begin := func() *rig {
		r := newRig(t)
		r.configure(text)
		r.down["10.0.0.2"] = true
		r.run(4 * time.Second)
		if _, err := r.set(&pb.SetServerCommand{KeepMode: true, Override: &pb.ServerOverride{Service: vs1, Server: "10.0.0.1", Weight: weight(5)}}); err != nil {
			t.Fatal(err)
		}
		r.run(time.Second)
		r.said()
		r.told, r.events, r.began, r.dropped = nil, nil, nil, nil
		return r
	}
	r, twin := begin(), begin()
	next, all, table := r.d.director.Next(), r.all, r.d.table.gen
	if !r.again() {
		t.Fatal("the tree is wanted")
	}
	twin.configure(text)
	r.expect("Reloading", "Reinitializing ipvs")
	r.operations()
	if len(r.events) != 0 || r.d.director.Next() != next || len(r.began) != 0 || len(r.dropped) != 0 || r.d.table.gen != table {
		t.Errorf("events %v, probes %v, next %v was %v", r.events, r.began, r.d.director.Next(), next)
	}
	if !reflect.DeepEqual(r.plan.GetKept(), twin.plan.GetKept()) || r.plan.GetKept() != 2 || len(r.plan.GetChanged()) != 0 {
		t.Errorf("plan %v, with a tree %v", r.plan, twin.plan)
	}
	if got, want := r.states(), twin.states(); !reflect.DeepEqual(got, want) {
		t.Errorf("states %+v, with a tree %+v", got, want)
	}
	if r.all != all {
		t.Error("the parent was told all of the records once more")
	}
	// What happens afterwards is of this generation, and what follows can be changed.
	clear(r.down)
	r.run(10 * time.Second)
	if !slices.ContainsFunc(r.events, func(e *pb.Event) bool { return e.GetGeneration() == r.gen && e.GetServer() != nil }) {
		t.Errorf("events %v", r.events)
	}
	for range 3 {
		if !r.again() {
			t.Fatal("the tree is wanted")
		}
	}
	r.configure(strings.ReplaceAll(text, "10.0.0.2 80", "10.0.0.3 80"))
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/5 10.0.0.3:80/1", "TCP 10.0.0.101:80: rr 10.0.0.1:80/1 10.0.0.3:80/1")
	if !r.again() {
		t.Error("the tree of what has just changed is wanted")
	}
	r.operationsNone()
}

// operationsNone checks that the last reload has told the worker nothing.
func (r *rig) operationsNone() {
	r.Helper()
	r.told = nil
	if r.again(); len(r.told) > 0 {
		r.Errorf("told the worker %q", r.told)
	}
}

// certificate makes one that has signed itself, as a PEM file.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestTreeIsWanted: whatever is otherwise on the machine than when the configuration was
// decoded, and whatever the parent is wrong about.
func TestTreeIsWanted(t *testing.T) {
	dir := t.TempDir()
	script, ca := filepath.Join(dir, "check.sh"), filepath.Join(dir, "ca.pem")
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	write(script, "#!/bin/sh\n", 0o755)
	text := "global_defs {\nscript_user root\n}\nSSL {\nca " + ca + "\n}\n" + strings.Replace(two("quorum_down "+script+".gone"), "TCP_CHECK {", "MISC_CHECK {\nmisc_path "+script+"\n", 1)
	r := newRig(t)
	r.configure(text)
	checks := func() int { return len(r.d.model.services[0].cfg.Servers[0].Checks) }
	if !r.again() || checks() != 1 {
		t.Fatalf("nothing has changed: %d checks", checks())
	}
	if log := strings.Join(r.said(), "\n"); strings.Count(log, ca) != 2 {
		t.Errorf("what cannot be read is told at each reload:\n%s", log)
	}
	for _, tc := range []struct {
		name   string
		change func()
	}{
		{"the script cannot be run any more", func() { write(script, "#!/bin/sh\n", 0o644) }},
		{"the script can be run again", func() { write(script, "#!/bin/sh\n", 0o755) }},
		{"another script than the disabled one", func() { write(script+".gone", "#!/bin/sh\n", 0o755) }},
		{"it is gone", func() { _ = os.Remove(script + ".gone") }},
		{"the ca is there, and no certificate", func() { write(ca, "none", 0o644) }},
		{"the ca is a certificate", func() { write(ca, certificate(t), 0o644) }},
		{"it is another", func() { write(ca, certificate(t), 0o644) }},
		{"the host has another name", func() { r.d.model.world.host += "x" }},
	} {
		tc.change()
		before := r.d.model
		if r.again() || r.d.model != before {
			t.Errorf("%s: taken", tc.name)
		}
		r.configure(text)
		if !r.again() {
			t.Errorf("%s, and decoded: the tree is wanted", tc.name)
		}
		if want := map[bool]int{true: 0, false: 1}[tc.name == "the script cannot be run any more"]; checks() != want {
			t.Errorf("%s: %d checks, want %d", tc.name, checks(), want)
		}
	}
}

// TestOnlyWhatIsInForce: the parent's word for what this process runs is not believed.
func TestOnlyWhatIsInForce(t *testing.T) {
	r := newRig(t)
	r.configure(two(""))
	r.again()
	for _, g := range []uint64{r.gen - 1, r.gen + 5} {
		wanted := r.wanted
		if r.adopt(childapi.Update{SameAs: g}); r.wanted != wanted+1 || r.ready == r.gen {
			t.Errorf("as generation %d where %d is in force: taken", g, r.d.running)
		}
	}
	// One that was prepared and dropped is in force nowhere.
	r.gen++
	r.adopter.Take(childapi.Update{Generation: r.gen, Phase: childapi.Prepare, Tree: r.parse(strings.ReplaceAll(two(""), "10.0.0.2 80", "10.0.0.3 80"))})
	r.adopter.Take(childapi.Update{Generation: r.gen, Phase: childapi.Abort})
	r.adopter.Take(childapi.Update{Generation: r.gen, Phase: childapi.Commit})
	if wanted := r.wanted; r.ready == r.gen || r.d.model.services[0].cfg.Servers[1].Key() != "10.0.0.2:80" {
		t.Error("what was aborted is in force")
	} else if r.adopt(childapi.Update{SameAs: r.gen}); r.wanted != wanted+1 {
		t.Error("as the aborted generation: taken")
	}
	if !r.again() {
		t.Error("what is in force is wanted")
	}
	r.boot()
	wanted := r.wanted
	if r.adopt(childapi.Update{SameAs: r.gen}); r.wanted != wanted+1 {
		t.Error("a process that has nothing took the same")
	}
}
