package supervisor

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/core/config"
	"keepalived/core/diag"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// The test binary is also the daemon under test: with testParent in its environment
// it is a parent, and its children are further executions of it.
const testParent = "SUPERVISOR_TEST_PARENT" // the directory of everything

func init() {
	if os.Getenv(testParent) != "" {
		runtime.LockOSThread()
	}
}

func TestMain(m *testing.M) {
	boot, child, err := childapi.TakeBoot()
	switch {
	case child && err != nil:
		os.Exit(1)
	case child:
		os.Exit(childMain(boot))
	case os.Getenv(testParent) != "":
		os.Exit(parentMain(os.Getenv(testParent)))
	}
	os.Exit(m.Run())
}

// parentMain is a daemon whose configuration is dir/conf: lines like "vrrp ok".
func parentMain(dir string) int {
	signals := CatchSignals()
	load := func(context.Context, *slog.Logger) (Config, error) { return readConf(dir + "/conf") }
	initial, err := load(context.Background(), nil)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if strings.Contains(string(initial.Tree.Sources[0].Text), "churn") {
		go churn()
	}
	s, err := New(Options{
		Log: slog.New(plainLog{}), Initial: initial, Load: load, Dir: dir, Signals: signals,
		Version: "test", ConfigFile: dir + "/conf", Args: os.Args[1:],
		NoRespawn:     os.Getenv("TEST_NO_RESPAWN") != "",
		CaptureStderr: true,
		Notify:        func(s string) { fmt.Printf("notify %q\n", s) },
		PIDFile: func() (func(), error) {
			name := dir + "/pid"
			return func() { _ = os.Remove(name) }, os.WriteFile(name, fmt.Appendln(nil, os.Getpid()), 0o644)
		},
		Stopped: "Stopped test daemon",
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	status, err := s.Run()
	if err != nil {
		fmt.Println("run:", err)
	}
	return status
}

// churn lets locked threads end all the time: a child that was forked on any but
// the main thread would be killed by its PDEATHSIG.
func churn() {
	for {
		done := make(chan struct{})
		for range 4 {
			go func() {
				runtime.LockOSThread() // never unlocked: the thread ends
				done <- struct{}{}
			}()
		}
		for range 4 {
			<-done
		}
		time.Sleep(time.Millisecond)
	}
}

func readConf(name string) (Config, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return Config{}, err
	}
	cfg := Config{Tree: &config.Tree{Sources: []config.Source{{Name: name, Text: text}}, Digest: sha256.Sum256(text)}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		at := diag.At(diag.NewFileName(name), n, 1, 2)
		node := &config.Node{Keyword: config.Word{Text: words[0], Range: at}}
		for _, w := range words[1:] {
			node.Args = append(node.Args, config.Word{Text: w, Range: at})
		}
		cfg.Tree.Roots = append(cfg.Tree.Roots, node)
		switch words[0] {
		case "vrrp":
			cfg.Roles = append(cfg.Roles, childapi.VRRP)
		case "checker":
			cfg.Roles = append(cfg.Roles, childapi.Checker)
		case "fatal":
			cfg.Diags.Fatalf(at, diag.CannotRun, "this cannot run")
		}
	}
	return cfg, nil
}

// plainLog prints messages.
type plainLog struct{}

func (plainLog) Enabled(context.Context, slog.Level) bool { return true }
func (l plainLog) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l plainLog) WithGroup(string) slog.Handler          { return l }
func (plainLog) Handle(_ context.Context, r slog.Record) error {
	_, err := fmt.Println(r.Message)
	return err
}

// testChild does what the argument behind its role in the configuration says.
type testChild struct {
	boot     childapi.Boot
	word     string
	client   *childapi.Client
	prepared string // behaviour of the generation being prepared
	running  uint64
	silent   chan struct{}
}

func childMain(boot childapi.Boot) int {
	c := &testChild{boot: boot, word: map[childapi.Role]string{childapi.VRRP: "vrrp", childapi.Checker: "checker"}[boot.Role], silent: make(chan struct{})}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	c.say("born restarts=%d args=%q", boot.Restarts, os.Args)
	if boot.Handover {
		c.handover()
	}
	c.client = childapi.NewClient(childapi.Options{Boot: boot, Version: "test", Config: c.configure, Serve: c.serve})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = c.client.Run(ctx) }()
	go func() {
		for {
			select {
			case <-c.silent:
				return
			case <-time.After(200 * time.Millisecond):
				c.client.Heartbeat(&pb.Heartbeat{})
			}
		}
	}()
	<-term
	if boot.ParentAlive() {
		c.say("stopping")
	} else {
		c.say("orphaned")
	}
	return 0
}

func (c *testChild) say(format string, args ...any) {
	fmt.Printf("%s[%d]: %s\n", c.word, os.Getpid(), fmt.Sprintf(format, args...))
}

// handover counts the lives in the memory that outlives them.
func (c *testChild) handover() {
	mem, err := unix.Mmap(childapi.HandoverFD, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		c.say("handover: %v", err)
		return
	}
	mem[0]++
	c.say("life %d", mem[0])
}

func (c *testChild) configure(u childapi.Update) {
	switch u.Phase {
	case childapi.Prepare:
		if u.Initial && c.boot.Role == childapi.Checker {
			c.say("inherits %d records %d overrides", len(u.Records), len(u.Overrides))
		}
		if u.SameAs != 0 {
			c.client.TreeWanted(u.Generation)
			return
		}
		c.prepared = "ok"
		for _, n := range u.Tree.Roots {
			if n.Keyword.Text == c.word && len(n.Args) > 0 {
				c.prepared = n.Args[0].Text
			}
		}
		var why diag.List
		switch c.prepared {
		case "refuse":
			why.Fatalf(u.Tree.Roots[0].Keyword.Range, diag.NoInterface, "no such interface")
			c.client.Refused(u.Generation, why)
			return
		case "die":
			os.Exit(3)
		case "fatal":
			os.Exit(c.client.Fatal(2, "it cannot run", time.Second))
		}
		c.client.Prepared(u.Generation, &pb.Plan{Kept: 1})
	case childapi.Abort:
		c.say("aborted %d", u.Generation)
	case childapi.Commit:
		c.running = u.Generation
		c.say("applied %d", u.Generation)
		c.client.Event(&pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{
			Instance: &pb.Instance{Name: "VI_\xff", State: pb.InstanceState_INSTANCE_STATE_MASTER}}}})
		c.client.Records(true, []*pb.CheckRecord{{Service: "V", Server: "1"}, {Service: "V", Server: "2"}})
		c.client.LogNotice(diag.Notice, "behind the records")
		c.client.Ready(u.Generation)
		c.behave(c.prepared)
	}
}

func (c *testChild) behave(how string) {
	first := c.boot.Restarts == 0
	switch {
	case how == "panic" && first:
		go panic("the test wants it")
	case how == "exit2" && first:
		os.Exit(2)
	case how == "abort" && first:
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
	case how == "hang" && first:
		close(c.silent)
	case how == "exit102":
		os.Exit(102)
	case how == "leak":
		c.say("token %s", c.boot.Token)
	}
}

func (c *testChild) serve(ctx context.Context, cmd *pb.ServeResponse, send func(*pb.ServeRequest) error) error {
	switch k := cmd.GetCommand().(type) {
	case *pb.ServeResponse_ListInstances:
		return send(&pb.ServeRequest{Answer: &pb.ServeRequest_Instance{Instance: &pb.Instance{Name: "VI_1", Generation: c.running}}})
	case *pb.ServeResponse_SetServer:
		c.say("sets %s", k.SetServer.GetOverride().GetServer())
		if k.SetServer.GetOverride().GetServer() == "stuck" {
			<-ctx.Done()
			return ctx.Err()
		}
		return send(&pb.ServeRequest{Answer: &pb.ServeRequest_Override{Override: k.SetServer.GetOverride()}})
	case *pb.ServeResponse_Dump:
		c.say("dump %v", k.Dump.GetKinds())
	}
	return nil
}
