package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// env is one run of a scenario. It stands in for the test that netlab expects:
// failing ends the goroutine, and what was registered is cleaned up at the end.
type env struct {
	testing.TB // nil: netlab uses only what is implemented below

	name     string
	mu       sync.Mutex
	cleanups []func()
	problems []string
	notes    []string
	dirs     int
	root     string
}

func newEnv(name string) *env { return &env{name: name} }

// run calls f on a goroutine of its own, cleans up after it and returns what went
// wrong.
func (e *env) run(f func()) []string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer e.close()
		f()
	}()
	<-done
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.problems
}

// close calls the cleanups, the last one first. It may be called twice.
func (e *env) close() {
	for {
		e.mu.Lock()
		n := len(e.cleanups)
		if n == 0 {
			e.mu.Unlock()
			return
		}
		f := e.cleanups[n-1]
		e.cleanups = e.cleanups[:n-1]
		e.mu.Unlock()
		f()
	}
}

// The part of testing.TB that netlab uses.

func (e *env) Helper()      {}
func (e *env) Name() string { return e.name }

func (e *env) Cleanup(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cleanups = append(e.cleanups, f)
}

func (e *env) TempDir() string {
	e.mu.Lock()
	first := e.root == ""
	e.mu.Unlock()
	if first {
		dir, err := os.MkdirTemp("", "bench-")
		if err != nil {
			e.Fatal(err)
		}
		e.root = dir
		e.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	e.dirs++
	dir := fmt.Sprintf("%s/%d", e.root, e.dirs)
	if err := os.Mkdir(dir, 0o700); err != nil {
		e.Fatal(err)
	}
	return dir
}

func (e *env) Failed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.problems) > 0
}

func (e *env) Log(args ...any) { e.note(fmt.Sprintln(args...)) }

func (e *env) Logf(format string, args ...any) { e.note(fmt.Sprintf(format, args...)) }

func (e *env) note(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notes = append(e.notes, text)
}

func (e *env) Error(args ...any) { e.problem(fmt.Sprint(args...)) }

func (e *env) Errorf(format string, args ...any) { e.problem(fmt.Sprintf(format, args...)) }

func (e *env) Fatal(args ...any) {
	e.Error(args...)
	runtime.Goexit()
}

func (e *env) Fatalf(format string, args ...any) {
	e.Errorf(format, args...)
	runtime.Goexit()
}

func (e *env) problem(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.problems = append(e.problems, text)
}

// session is a scenario being run with one of the programs.
type session struct {
	*env
	side  side
	bin   string
	opt   *options
	taken []sample
}

type sample struct {
	row   string
	value float64
}

// add takes a sample in the row's unit.
func (s *session) add(row string, value float64) { s.taken = append(s.taken, sample{row, value}) }

// addMS takes a duration for a row in milliseconds.
func (s *session) addMS(row string, d time.Duration) { s.add(row, d.Seconds()*1000) }

// pause lets the time pass in which the daemons are watched.
func pause(d time.Duration) { <-time.After(d) }
