// Command bench measures the daemon beside the real keepalived: the same
// scenarios, in the same run, by turns, in network namespaces of their own, timed
// by the kernel's time stamps on captured packets and on address notifications.
//
// It needs root, the `ip` command and Debian's keepalived; for the rows with ip_vs also
// ipvsadm and, where this kernel has no ip_vs, User-Mode Linux. It imports nothing of the
// project but test/netlab and test/uml, so that it judges from outside. Every scenario is a
// file of its own; rows.go lists what is reported and what we aim at.
//
// The exit status is 0 when every row was measured, whatever the figures say.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"keepalived/test/netlab"
)

// options are the command line.
type options struct {
	rounds  int
	only    *regexp.Regexp
	json    bool
	big     bool
	detail  bool
	verbose bool
	sides   []side
	which   string    // sides as the command line names them
	to      string    // file for the report; "": standard output
	bins    [2]string // by side
}

// side is one of the two programs that are compared.
type side int

const (
	theirs side = iota
	ours
)

var sides = []side{theirs, ours}

func (s side) String() string { return [...]string{"keepalived", "ours"}[s] }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	opt, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	b := &bench{opt: opt, progress: stderr, samples: map[string]*[2][]float64{}}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		b.abort()
		os.Exit(130)
	}()
	before := busy()
	begin := time.Now()
	if err := b.all(); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
	}
	head := fmt.Sprintf("%d rounds in %v on %s", opt.rounds, time.Since(begin).Round(time.Second), machine(before))
	if err := b.report(stdout, head); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if missing := b.missing(); len(missing) > 0 {
		fmt.Fprintf(stderr, "bench: not measured: %s\n", strings.Join(missing, ", "))
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options, error) {
	var opt options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&opt.rounds, "rounds", 3, "how often every scenario runs, for each program")
	only := fs.String("only", "", "run only scenarios whose name matches this `REGEXP`")
	fs.Usage = func() {
		fmt.Fprintln(stderr, "Usage: bench [FLAGS]")
		fs.PrintDefaults()
		fmt.Fprintln(stderr, "Scenarios:")
		for _, sc := range scenarios {
			fmt.Fprintln(stderr, "  "+sc.name)
		}
	}
	fs.BoolVar(&opt.json, "json", false, "print every sample as JSON instead of the table")
	fs.BoolVar(&opt.big, "big", false, "scale to 4,000 instances as well")
	fs.BoolVar(&opt.detail, "detail", false, "run both programs with -D, which logs a line per gratuitous ARP")
	fs.StringVar(&opt.which, "side", "both", "run only `ours` or keepalived, to try something out")
	fs.StringVar(&opt.to, "to", "", "write the report to this `FILE`")
	fs.BoolVar(&opt.verbose, "v", false, "print every sample as it is taken, and the consoles of failed runs")
	fs.StringVar(&opt.bins[ours], "ours", "bin/keepalived", "`PATH` of our daemon")
	fs.StringVar(&opt.bins[theirs], "real", netlab.RealKeepalived, "`PATH` of the real keepalived")
	if err := fs.Parse(args); err != nil {
		return opt, err
	}
	var err error
	if opt.only, err = regexp.Compile(*only); err != nil {
		return opt, err
	}
	switch opt.which {
	case "both":
		opt.sides = sides
	case "ours":
		opt.sides = []side{ours}
	case "keepalived":
		opt.sides = []side{theirs}
	default:
		return opt, fmt.Errorf("-side %s: it is ours, keepalived or both", opt.which)
	}
	if opt.rounds < 1 {
		return opt, fmt.Errorf("-rounds %d: at least one is needed", opt.rounds)
	}
	if os.Geteuid() != 0 {
		return opt, fmt.Errorf("network namespaces need root")
	}
	for _, s := range sides {
		if opt.bins[s], err = filepath.Abs(opt.bins[s]); err != nil {
			return opt, err
		}
		if _, err := os.Stat(opt.bins[s]); err != nil {
			return opt, fmt.Errorf("%s: %w", s, err)
		}
	}
	return opt, nil
}

// all runs the chosen scenarios, each program by turns: A B A B …, beginning with
// the other one in every second round; those that need another kernel at the end.
func (b *bench) all() error {
	for round := range b.opt.rounds {
		for _, sc := range scenarios {
			if !b.wanted(sc) || !sc.here() {
				continue
			}
			order := slices.Clone(b.opt.sides)
			if round%2 == 1 {
				slices.Reverse(order)
			}
			for _, s := range order {
				b.attempt(round, sc, s)
			}
		}
	}
	if !inUML() && slices.ContainsFunc(scenarios, func(sc scenario) bool { return b.wanted(sc) && !sc.here() }) {
		return b.elsewhere()
	}
	return nil
}

func (b *bench) wanted(sc scenario) bool {
	return b.opt.only.MatchString(sc.name) && (!sc.big || b.opt.big)
}

// attempts is how often a scenario is tried that failed: on a busy machine a
// router with 10 ms adverts may lose an election that it should win.
const attempts = 3

func (b *bench) attempt(round int, sc scenario, s side) {
	for try := range attempts {
		begin := time.Now()
		problems := b.once(sc, s)
		fmt.Fprintf(b.progress, "round %d  %-12s %-10s %6.1fs\n", round+1, sc.name, s, time.Since(begin).Seconds())
		if len(problems) == 0 {
			return
		}
		for _, p := range problems {
			fmt.Fprintf(b.progress, "         try %d: %s\n", try+1, p)
		}
	}
}

// once runs a scenario in a lab of its own. Samples of a run that failed are not
// taken.
func (b *bench) once(sc scenario, s side) (problems []string) {
	e := newEnv(sc.name)
	if b.current.Swap(e) != nil {
		panic("bench: two scenarios at once")
	}
	ss := &session{env: e, side: s, bin: b.opt.bins[s], opt: &b.opt}
	problems = e.run(func() { sc.run(ss) })
	b.current.Store(nil)
	if len(problems) > 0 {
		if b.opt.verbose {
			problems = append(problems, e.notes...)
		}
		return problems
	}
	for _, smp := range ss.taken {
		b.add(smp.row, s, smp.value)
		if b.opt.verbose {
			fmt.Fprintf(b.progress, "         %-32s %-10s %g\n", smp.row, s, smp.value)
		}
	}
	return nil
}

// abort removes the namespaces of the scenario under way.
func (b *bench) abort() {
	if e := b.current.Load(); e != nil {
		e.close()
	}
}
