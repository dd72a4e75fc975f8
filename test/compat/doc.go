// Package compat holds what this project and the real keepalived 2.2.7 are compared by,
// and the ledger of what is deliberately different:
//
//	testdata/seeds     configurations from the field
//	testdata/inputs    small configurations, by theme
//	testdata/probes    smaller snippets, one a line, one file for each place they stand in
//	testdata/recorded  what 2.2.7 made of inputs with virtual servers, which needs ip_vs
//
// Its tests give seeds, inputs and Debian's samples to both programs, each in namespaces
// of its own, and compare verdict, lines complained about and both dumps. The probes are
// compared without running anything by the tests of cmd/internal/dialect, the package
// that may be imported below cmd only.
package compat
