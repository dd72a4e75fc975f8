package supervisor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"keepalived/rpc/childapi"
)

// process is a started child. Signals go through a pidfd, so that they never reach
// another process that got the pid.
type process interface {
	Signal(sig os.Signal) error
	// Wait returns when the process is dead and reaped.
	Wait() ending
}

// starter starts one child; the lines are what it writes to a captured stderr.
type starter func(c *child, boot childapi.Boot, name string, stderr func(line string)) (process, int, error)

// spawner starts children by executing the own binary again.
type spawner struct {
	opt    *Options
	socket string
	memory *os.File
	thread *mainThread
}

func (sp spawner) start(c *child, boot childapi.Boot, name string, stderr func(string)) (process, int, error) {
	boot.Socket, boot.ParentPID = sp.socket, os.Getpid()
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	if c.handover && sp.memory != nil {
		boot.Handover = true
		files = append(files, sp.memory) // descriptor childapi.HandoverFD
	}
	var read, write *os.File
	if sp.opt.CaptureStderr {
		var err error
		if read, write, err = os.Pipe(); err != nil {
			return nil, 0, fmt.Errorf("starting a child: %w", err)
		}
		files[2] = write
	}
	env := append(append([]string(nil), sp.opt.Env...), boot.Environ())
	var p *os.Process
	err := errors.New("the daemon is stopping")
	sp.thread.do(func() {
		p, err = os.StartProcess(sp.opt.Executable, append([]string{name}, sp.opt.Args...), &os.ProcAttr{
			Env:   env,
			Files: files,
			Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true},
		})
	})
	if write != nil {
		_ = write.Close()
	}
	if err != nil {
		if read != nil {
			_ = read.Close()
		}
		return nil, 0, fmt.Errorf("starting a child: %w", err)
	}
	if read != nil {
		go drain(read, stderr)
	}
	return osProcess{p}, p.Pid, nil
}

// drain hands on the lines of r until its writers are gone. It never stops
// reading: a full pipe would hold the child.
func drain(r io.ReadCloser, line func(string)) {
	defer r.Close()
	b := bufio.NewReaderSize(r, 4096)
	for {
		text, _, err := b.ReadLine() // a longer line comes in pieces
		if err != nil {
			return
		}
		line(string(text))
	}
}

type osProcess struct{ *os.Process }

func (p osProcess) Wait() ending {
	st, err := p.Process.Wait()
	if err != nil { // somebody else reaped it, which nobody does
		return ending{status: -1, unknown: err}
	}
	ws := st.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return ending{signal: int(ws.Signal())}
	}
	return ending{status: ws.ExitStatus()}
}
