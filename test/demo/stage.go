package main

import (
	"fmt"
	"io"
	"os"
	"testing"
)

// failure and interruption end the demo through run, which cleans up.
type (
	failure      string
	interruption struct{}
)

// stage is the part of testing.TB that netlab uses, for a program that is no test.
type stage struct {
	testing.TB // nil: what is not defined below is not used
	out        io.Writer
	cleanups   []func()
	failed     bool
}

// Helper does nothing here.
func (s *stage) Helper() {}

// Name is the program's.
func (s *stage) Name() string { return "demo" }

// Failed tells whether Error or Fatal was called.
func (s *stage) Failed() bool { return s.failed }

// Cleanup runs f at the end, last one first.
func (s *stage) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

// Logf prints, as does Errorf, which also makes the demo a failed one.
func (s *stage) Logf(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// Errorf notes a failure and goes on.
func (s *stage) Errorf(format string, args ...any) {
	s.failed = true
	s.Logf(format, args...)
}

// Fatal ends the demo.
func (s *stage) Fatal(args ...any) { s.Fatalf("%s", fmt.Sprint(args...)) }

// Fatalf ends the demo.
func (s *stage) Fatalf(format string, args ...any) {
	s.failed = true
	panic(failure(fmt.Sprintf(format, args...)))
}

// TempDir makes a directory that is removed at the end.
func (s *stage) TempDir() string {
	dir, err := os.MkdirTemp("", "keepalived-demo")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (s *stage) cleanUp() {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
	s.cleanups = nil
}
