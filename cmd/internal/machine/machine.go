// Package machine is what a configuration is checked against here: interfaces,
// scripts, users, and what its text may ask about the host. It reads and changes
// nothing; both programs use it.
package machine

import (
	"net"
	"os"
	"time"

	"keepalived/core/config"
	"keepalived/vrrp/vrrpcfg"
)

// Interfaces lists the interfaces of this network namespace; nil when that cannot
// be found out, and then nothing is said about interfaces.
func Interfaces() vrrpcfg.Interfaces {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	set := vrrpcfg.Interfaces{}
	for _, i := range list {
		set[i.Name] = struct{}{}
	}
	return set
}

// longestReading is how long the text may take: a page of definitions in each other
// could be read for ever.
const longestReading = 10 * time.Second

// Env is what configuration text may ask about this machine. configID is option
// -i, "" for the host's name.
func Env(configID string) config.Env {
	host, _ := os.Hostname()
	dir, err := os.Getwd()
	if err != nil {
		dir = "/"
	}
	start := time.Now()
	return config.Env{
		ConfigID: configID, NodeName: host, Dir: dir, Lookup: os.LookupEnv, Seed: uint64(start.UnixNano()),
		Expired: func() bool { return time.Since(start) > longestReading },
	}
}
