package interop

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// seedInstance is what the tests must know of an instance in a seed file. It is
// read line by line by this file's own eye, not by the project's parser.
type seedInstance struct {
	name         string
	link         string
	vrid         int
	priority     int
	interval     time.Duration
	nopreempt    bool
	preemptDelay time.Duration
	src          netip.Addr // unicast_src_ip
	vips         []netip.Prefix
}

func (i seedInstance) masterDown() time.Duration {
	return 3*i.interval + time.Duration(256-i.priority)*time.Second/256
}

func readSeed(t *testing.T, number int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("testdata/seeds/seed-%02d.conf", number))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var blockComment = regexp.MustCompile(`[#!].*`)

// seedInstances reads the vrrp_instance blocks of a file written one keyword per
// line, as the seeds are.
func seedInstances(t *testing.T, text string) []seedInstance {
	t.Helper()
	var all []seedInstance
	var block []string
	for line := range strings.Lines(text) {
		w := strings.Fields(blockComment.ReplaceAllString(line, ""))
		if len(w) == 0 {
			continue
		}
		top := len(block) == 0
		if w[len(w)-1] == "{" && w[0] != "notification_email_from" { // seed 1: no block, the brace is ignored
			block = append(block, w[0])
			if top && w[0] == "vrrp_instance" {
				all = append(all, seedInstance{name: w[1], interval: time.Second})
			}
			continue
		}
		if w[0] == "}" {
			if !top {
				block = block[:len(block)-1]
			}
			continue
		}
		if top || block[0] != "vrrp_instance" {
			continue
		}
		in := &all[len(all)-1]
		if block[len(block)-1] == "virtual_ipaddress" {
			in.vips = append(in.vips, vipPrefix(t, w[0]))
			continue
		}
		in.keyword(t, w)
	}
	return all
}

func (i *seedInstance) keyword(t *testing.T, w []string) {
	t.Helper()
	number := func() int {
		n, err := strconv.Atoi(w[1])
		if err != nil {
			t.Fatalf("%v: %v", w, err)
		}
		return n
	}
	switch w[0] {
	case "interface":
		i.link = w[1]
	case "virtual_router_id":
		i.vrid = number()
	case "priority":
		i.priority = number()
	case "advert_int":
		i.interval = time.Duration(number()) * time.Second
	case "nopreempt":
		i.nopreempt = true
	case "preempt_delay":
		i.preemptDelay = time.Duration(number()) * time.Second
	case "unicast_src_ip":
		i.src = netip.MustParseAddr(w[1])
	}
}

func vipPrefix(t *testing.T, s string) netip.Prefix {
	t.Helper()
	if !strings.Contains(s, "/") {
		s += "/32"
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	priorityLine = regexp.MustCompile(`(?m)^(\s*priority\s+)(\d+)`)
	srcLine      = regexp.MustCompile(`(?m)^(\s*unicast_src_ip\s+)(\S+)`)
	peerBlock    = regexp.MustCompile(`(unicast_peer \{\s*)([0-9.]+)`)
)

// partner makes the other node's file of a seed that has no partner seed: priority
// − 50, and with unicast the two addresses exchanged.
func partner(t *testing.T, text string) string {
	t.Helper()
	text = priorityLine.ReplaceAllStringFunc(text, func(line string) string {
		m := priorityLine.FindStringSubmatch(line)
		n, _ := strconv.Atoi(m[2])
		return m[1] + strconv.Itoa(n-50)
	})
	if src, peer := srcLine.FindStringSubmatch(text), peerBlock.FindStringSubmatch(text); src != nil && peer != nil {
		text = srcLine.ReplaceAllString(text, "${1}"+peer[2])
		text = peerBlock.ReplaceAllString(text, "${1}"+src[2])
	}
	return text
}
