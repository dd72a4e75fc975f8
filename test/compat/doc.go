// Package compat holds what this project and the real keepalived 2.2.7 are compared
// by: the configurations (testdata/seeds from the field; testdata/probes, one small
// snippet a line, one file for each place it can stand in) and the ledger of what is
// deliberately different. The comparison itself is made by the tests of
// cmd/internal/dialect, the package that may be imported below cmd only.
package compat
