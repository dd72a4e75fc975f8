// Package process is about our own process: its pid file, parent, name, scheduling
// class, memory, users and groups, service manager, version, and how it replaces a
// file that others read.
//
// An effect package. It imports nothing of the project.
package process
