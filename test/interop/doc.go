// Package interop holds the tests that run our daemon against real peers, the
// Debian packages of keepalived 2.2.7 and FRR, in network namespaces, and judge
// both from packet captures. It contains tests only.
//
// TestLives compares logs: both daemons live through the same stories (lifestory_test.go),
// each alone with a scripted peer, and what each process logs is compared line by line,
// with severities. What is meant to differ stands in life_test.go and in the ledger.
//
// The tests know the daemon by its path alone and import nothing of the project
// but test/netlab. With KEEPALIVED_BIN=/usr/sbin/keepalived they run the real
// keepalived on both sides: that proves the harness.
package interop
