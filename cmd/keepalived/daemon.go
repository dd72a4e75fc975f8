package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// detachedVariable marks the process that daemonize has started.
const detachedVariable = "KEEPALIVED_DETACHED"

// daemonize starts this program again in a session of its own and ends, as a daemon
// without -n does. A Go process cannot fork without exec, so the second process begins
// anew; the variable tells it so. done is false in that process.
func daemonize(argv []string) (done bool, status int) {
	if os.Getenv(detachedVariable) != "" {
		_ = os.Unsetenv(detachedVariable)
		return false, 0
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return true, exitFatal
	}
	defer null.Close()
	_, err = os.StartProcess("/proc/self/exe", argv, &os.ProcAttr{
		Env:   append(os.Environ(), detachedVariable+"=1"),
		Files: []*os.File{null, null, null}, // whoever waits for the end of our output must not wait for the daemon's
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "going to the background: %v\n", err)
		return true, exitFatal
	}
	return true, exitOK
}

// insideVariable names the network namespace that this process was executed in.
const insideVariable = "KEEPALIVED_INSIDE"

// enterNamespace moves the process into a named network namespace (ip-netns(8)). Only
// one thread can be moved, so it executes itself again from that thread: every thread
// and child of the new image is inside. It returns nil when that has happened before.
func enterNamespace(name string, argv []string) error {
	if os.Getenv(insideVariable) == name {
		return nil
	}
	f, err := os.Open("/run/netns/" + name)
	if err != nil {
		return fmt.Errorf("network namespace %s: %w", name, err)
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering network namespace %s: %w", name, err)
	}
	// Not back to the background twice.
	env := append(os.Environ(), insideVariable+"="+name, detachedVariable+"=1")
	if err := unix.Exec("/proc/self/exe", argv, env); err != nil {
		return fmt.Errorf("starting again in network namespace %s: %w", name, err)
	}
	return nil
}
