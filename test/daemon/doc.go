// Package daemon tests the programs as a user meets them: command line, signals,
// files, packets, addresses, notifications, reload, supervision and keepalivedctl.
// Every daemon runs in a network and a mount namespace of its own, and is judged only
// from outside: captures, `ip monitor`, its console, its files, its exit status.
//
// The programs are those named by KEEPALIVED_BIN (keepalivedctl stands beside it), or
// are built once.
package daemon
