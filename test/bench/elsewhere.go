package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"keepalived/test/netlab"
	"keepalived/test/uml"
)

// ipvsModules are what the scenarios with ip_vs need of a kernel.
var ipvsModules = []string{"ip_vs", "ip_vs_rr"}

// inUML says that this is the bench that elsewhere has started.
func inUML() bool { return netlab.Kernel() == "uml" }

// here tells whether a scenario runs on this kernel.
func (sc scenario) here() bool {
	if inUML() {
		return sc.ipvs
	}
	return !sc.ipvs || uml.Has(ipvsModules...)
}

// elsewhere runs the scenarios for which this kernel lacks ip_vs in one boot of User-Mode
// Linux, with the same options, and takes over the samples. Both programs are slower
// there: only their ratio means something.
func (b *bench) elsewhere() error {
	if why := uml.Missing(); why != "" {
		return fmt.Errorf("neither ip_vs nor User-Mode Linux: %s", why)
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-uml-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	result := filepath.Join(dir, "samples.json")
	args := []string{"-json", "-to", result, "-rounds", strconv.Itoa(b.opt.rounds), "-only", b.opt.only.String(),
		"-side", b.opt.which, "-ours", b.opt.bins[ours], "-real", b.opt.bins[theirs]}
	for flag, set := range map[string]bool{"-big": b.opt.big, "-detail": b.opt.detail, "-v": b.opt.verbose} {
		if set {
			args = append(args, flag)
		}
	}
	fmt.Fprintln(b.progress, "in User-Mode Linux:")
	status, err := uml.Run(context.Background(), uml.Job{Path: exe, Args: args, Output: b.progress,
		Limit: time.Duration(b.opt.rounds) * 10 * time.Minute})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(result)
	if err != nil {
		return fmt.Errorf("the bench in User-Mode Linux ended with %d and left no samples: %w", status, err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		return fmt.Errorf("samples from User-Mode Linux: %w", err)
	}
	for _, r := range got.Rows {
		for s, values := range [2][]float64{theirs: r.Keepalived, ours: r.Ours} {
			for _, v := range values {
				b.add(r.ID, side(s), v)
			}
		}
	}
	return nil
}
