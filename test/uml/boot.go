package uml

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed init.sh
var initScript string

func (j *Job) fillIn() error {
	if j.Env == nil {
		j.Env = os.Environ()
	}
	if j.Modules == nil {
		j.Modules = Modules
	}
	if j.Memory == 0 {
		j.Memory = 512
	}
	if j.Limit == 0 {
		j.Limit = 5 * time.Minute
	}
	if j.Output == nil {
		j.Output = io.Discard
	}
	if j.Dir != "" {
		return nil
	}
	var err error
	j.Dir, err = os.Getwd()
	return err
}

// writeInit puts into dir what PID 1 runs. A kernel command line is short, so the job is a
// file.
func (j *Job) writeInit(dir string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "dir=%s\nmodules=%s\n", quote(dir), quote(strings.Join(j.Modules, " ")))
	b.WriteString("run() {\n")
	for _, kv := range j.Env {
		if name, value, ok := strings.Cut(kv, "="); ok && isName(name) && name != "PATH" {
			fmt.Fprintf(&b, "export %s=%s\n", name, quote(value))
		}
	}
	b.WriteString("export TMPDIR=/run/tmp\n")
	fmt.Fprintf(&b, "cd %s || return 126\n%s", quote(j.Dir), quote(j.Path))
	for _, a := range j.Args {
		b.WriteString(" " + quote(a))
	}
	b.WriteString("\n}\n")
	if err := os.WriteFile(filepath.Join(dir, "job"), []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "init"), []byte(initScript), 0o700)
}

// quote is s as one word for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func isName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// boot runs the kernel from boot to power-off or the end of ctx and returns its console.
func (j *Job) boot(ctx context.Context, dir string) (console string, err error) {
	memory, err := memoryDir(j.Memory)
	if err != nil {
		return "", err
	}
	output, toOutput, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer output.Close()
	var text bytes.Buffer
	cmd := exec.CommandContext(ctx, kernelPath,
		fmt.Sprintf("mem=%dM", j.Memory), "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
		"init="+filepath.Join(dir, "init"), "con=null", "con0=null,fd:1", "ssl0=null,fd:3", "uml_dir="+dir, "quiet")
	cmd.Env = []string{"TMPDIR=" + memory, "HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = &text, &text
	cmd.ExtraFiles = []*os.File{toOutput} // fd 3
	// The kernel has a process for each of its address spaces: they are one group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Start()
	toOutput.Close()
	if err != nil {
		return "", err
	}
	unguard, err := guard(cmd.Process.Pid, dir)
	if err != nil {
		_ = killGroup(cmd.Process.Pid)
		return "", errors.Join(err, cmd.Wait())
	}
	defer unguard()
	copied := make(chan struct{})
	go func() {
		_, _ = io.Copy(j.Output, output)
		close(copied)
	}()
	err = cmd.Wait()
	_ = killGroup(cmd.Process.Pid) // what a kernel that died has left
	<-copied
	return text.String(), err
}

// guard starts a shell that ends the kernel when this process dies before it: the kernel's
// helper processes would not notice. The function returned sends the shell away.
func guard(group int, dir string) (unguard func(), err error) {
	watched, alive, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer watched.Close()
	cmd := exec.Command(busyboxPath, "sh", "-c", `read _; kill -9 -- -"$0"; rm -rf -- "$1"`, strconv.Itoa(group), dir)
	cmd.Stdin = watched
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		alive.Close()
		return nil, err
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		alive.Close()
	}, nil
}

func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// memoryDir finds room for the kernel's memory, which is a file with holes. In containers
// /dev/shm may be too small, which would show as a bus error much later.
func memoryDir(mib int) (string, error) {
	for _, dir := range []string{"/dev/shm", os.TempDir(), "/var/tmp"} {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil && uint64(st.Bavail)*uint64(st.Bsize) >= uint64(mib)<<20 {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no room for %d MiB of memory in /dev/shm, %s, /var/tmp", mib, os.TempDir())
}
