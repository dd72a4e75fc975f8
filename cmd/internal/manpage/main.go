// Command manpage writes keepalived.conf(5): head.man, every keyword from the tables and
// their help, tail.man. make generate runs it; a test sees that the page in deploy/man is
// what it writes.
package main

import (
	"os"
)

func main() {
	if _, err := os.Stdout.WriteString(page()); err != nil {
		os.Exit(1)
	}
}
