// Package netlab builds small networks of network namespaces for tests: hosts,
// LANs, daemons with private mounts, and packet captures with kernel time
// stamps.
//
// It needs root and the `ip` command. It imports no package of the project, so
// that a test written with it judges the project with an independent eye; its
// packet decoding is its own for the same reason. Code that is not a test never
// imports it, except the demo program.
//
// Everything carries the name prefix "ka-PID-", PID being the process that made
// it: a run that was killed is recognised by its dead pid, and the next run
// removes what it left.
package netlab
