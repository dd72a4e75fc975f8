package netlab

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// inNetNS runs fn on a locked thread inside the namespace and waits for it. The
// thread goes back afterwards; one that cannot is given up (never unlocked).
func inNetNS(ns string, fn func()) error {
	target, err := os.Open(nsPath(ns))
	if err != nil {
		return err
	}
	defer target.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			runtime.UnlockOSThread()
			done <- err
			return
		}
		defer home.Close()
		if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("entering %s: %w", ns, err)
			return
		}
		finished := false
		defer func() {
			if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err == nil {
				runtime.UnlockOSThread()
			}
			if !finished { // fn ended by runtime.Goexit, as testing's FailNow does
				done <- errors.New("the function did not return")
			}
		}()
		fn()
		finished = true
		done <- nil
	}()
	return <-done
}

// starter is the one thread from which daemons are started. It lives as long as
// the test binary, so that PR_SET_PDEATHSIG, which belongs to the parent's
// thread, ends the daemons when the test binary dies and not before. It has its
// own fs_struct (CLONE_FS) because entering a mount namespace asks for one.
var starter = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			panic("netlab: unshare(CLONE_FS): " + err.Error())
		}
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// inPrivateMounts runs fn on the starter thread in the network namespace and in a
// new mount namespace, and takes the thread home again.
func inPrivateMounts(ns string, fn func() error) error {
	done := make(chan error, 1)
	starter() <- func() { done <- privately(ns, fn) }
	return <-done
}

func privately(ns string, fn func() error) (err error) {
	homeNet, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer homeNet.Close()
	homeMnt, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return err
	}
	defer homeMnt.Close()
	target, err := os.Open(nsPath(ns))
	if err != nil {
		return err
	}
	defer target.Close()
	if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering %s: %w", ns, err)
	}
	defer mustReturn(homeNet, unix.CLONE_NEWNET)
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare(CLONE_NEWNS): %w", err)
	}
	defer mustReturn(homeMnt, unix.CLONE_NEWNS)
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	return fn()
}

// mustReturn takes the starter thread home. A thread lost in another namespace
// would start the next daemon in the wrong network, so this is worth a panic.
func mustReturn(home *os.File, kind int) {
	if err := unix.Setns(int(home.Fd()), kind); err != nil {
		panic("netlab: leaving a namespace: " + err.Error())
	}
}

func nsPath(ns string) string { return "/run/netns/" + ns }
