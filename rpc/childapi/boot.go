// Package childapi is the wire between the parent and its children: the parent's
// side is Server and Session, a child's side is Client. It carries configuration
// trees, reports, commands and answers and knows no child's types.
package childapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"

	pb "keepalived/proto/keepalived/v1"
)

// Role is what a process does.
type Role = pb.Role

// The roles of children.
const (
	VRRP    = pb.Role_ROLE_VRRP
	Checker = pb.Role_ROLE_CHECKER
)

// Protocol is the version of supervisor.proto that both ends speak.
const Protocol = 2

// HandoverFD is the descriptor of the hand-over memfd in a child that has one:
// the first after stdio. Its size is the parent's to choose (fstat tells it).
const HandoverFD = 3

// BootVariable is the environment variable that makes a process a child.
const BootVariable = "KEEPALIVED_BOOT"

// PermanentExit plus one of keepalived's exit codes is the status of a child that
// ends for good. (A Go panic ends with 2, which is keepalived's "permanent CONFIG
// error", so plain codes cannot tell.)
const PermanentExit = 100

// ErrOrphan means that the process's parent is not the one that started it.
var ErrOrphan = errors.New("the parent that started this child is gone")

// Boot is what a child is born with.
type Boot struct {
	Role       Role   `json:"role"`
	Token      string `json:"token"` // proves to the parent which spawn this is
	Socket     string `json:"socket"`
	ParentPID  int    `json:"ppid"`
	Generation uint64 `json:"generation"` // of the parent's configuration at the spawn
	Restarts   uint32 `json:"restarts"`   // spawns of this role before this one
	Handover   bool   `json:"handover"`   // HandoverFD is open
}

// Environ is the entry of the child's environment.
func (b Boot) Environ() string {
	text, err := json.Marshal(b)
	if err != nil { // strings and numbers only
		panic(err)
	}
	return BootVariable + "=" + string(text)
}

// TakeBoot reads and removes the boot variable, so that scripts do not inherit
// it. It is the first thing main does, on the main goroutine before any other
// starts. child is false in a parent. The error is ErrOrphan when the parent died
// between fork and now: the process must end at once, having touched nothing.
//
// In a child it also makes the Go runtime dump every goroutine on a fatal error
// (GOTRACEBACK=crash, without leaving that in the scripts' environment).
func TakeBoot() (b Boot, child bool, err error) {
	text, ok := os.LookupEnv(BootVariable)
	if !ok {
		return Boot{}, false, nil
	}
	if err := os.Unsetenv(BootVariable); err != nil {
		return Boot{}, true, fmt.Errorf("removing %s: %w", BootVariable, err)
	}
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return Boot{}, true, fmt.Errorf("reading %s: %w", BootVariable, err)
	}
	if os.Getppid() != b.ParentPID {
		return b, true, ErrOrphan
	}
	debug.SetTraceback("crash")
	return b, true, nil
}

// ParentAlive reports whether the process that started this child still runs: what
// tells a stop (SIGTERM from the parent) from the parent's death (PDEATHSIG). It may
// be asked in the very moment of the signal.
//
// getppid alone cannot tell then: the kernel sends PDEATHSIG when the thread that
// forked begins to exit, and until the last thread of the parent has gone the child
// is reparented to one of those. So the parent's main thread is looked at, which is
// the one that forked.
func (b Boot) ParentAlive() bool {
	if os.Getppid() != b.ParentPID {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.ParentPID))
	if err != nil {
		// Gone meanwhile; without /proc getppid's word stands.
		return !errors.Is(err, os.ErrNotExist) || os.Getppid() == b.ParentPID
	}
	return !exiting(stat)
}

// exiting reads proc_pid_stat(5): the state and the flags behind the name, which is
// in parentheses and may hold any character.
func exiting(stat []byte) bool {
	const flagsField = 6 // counted from the state
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= flagsField {
		return false
	}
	if s := fields[0][0]; s == 'Z' || s == 'X' {
		return true
	}
	flags, err := strconv.ParseUint(string(fields[flagsField]), 10, 64)
	const pfExiting = 0x4 // PF_EXITING, linux/sched.h
	return err == nil && flags&pfExiting != 0
}
