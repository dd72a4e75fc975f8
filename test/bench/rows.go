package main

// scenario is one lab and what happens in it; it fills one or more rows.
type scenario struct {
	name string
	big  bool // only with -big
	ipvs bool // needs a kernel with ip_vs
	run  func(*session)
}

// scenarios in the order in which they run.
var scenarios = []scenario{
	{name: "crash-100ms", run: crash{interval: hundredth * 10, version: 3, samples: 4}.run},
	{name: "crash-50ms", run: crash{interval: hundredth * 5, version: 3, samples: 4}.run},
	{name: "crash-10ms", run: crash{interval: hundredth, version: 3, samples: 4}.run},
	{name: "crash-1s", run: crash{interval: hundredth * 100, version: 2, samples: 1}.run},
	{name: "stop", run: stop},
	{name: "kill-v2", run: killV2},
	{name: "kill-v3", run: killV3},
	{name: "reload", run: reload},
	{name: "addresses", run: addresses},
	{name: "check", run: check},
	{name: "large", run: large},
	{name: "checkers", ipvs: true, run: checkers},
	{name: "scale-250", run: scale{250}.run},
	{name: "scale-1000", run: scale{1000}.run},
	{name: "scale-4000", big: true, run: scale{4000}.run},
}

// target is what we aim at; a median that misses it is marked in the table.
type target struct {
	text  string
	limit float64 // in the row's unit
	kind  targetKind
}

type targetKind uint8

const (
	noTarget targetKind = iota
	absolute            // limit is the largest value
	relative            // limit is the largest multiple of keepalived's median
)

func atMost(limit float64, text string) target { return target{text, limit, absolute} }
func times(limit float64, text string) target  { return target{text, limit, relative} }
func later(text string) target                 { return target{text: text} }

// row is a line of the table. anchor is keepalived 2.2.7 on a quiet machine of 2 cores.
type row struct {
	id, scenario, title, unit string
	anchor                    string
	target                    target
	note                      string // why the row cannot be measured yet
	alone                     bool   // of ours only: keepalived has nothing to hold it against
}

const sameOrLower = "≤ keepalived"

var rows = []row{
	{id: "crash-100ms", title: "master crashes, v3 100 ms: first GARP beyond MDI", unit: "ms", anchor: "0.8 (0.7–9)", target: atMost(3, "≤ 3, as keepalived or better")},
	{id: "crash-50ms", title: "the same, 50 ms", unit: "ms", anchor: "0.8 (0.7–9)", target: atMost(3, "≤ 3")},
	{id: "crash-10ms", title: "the same, 10 ms", unit: "ms", anchor: "0.8 (0.7–9)", target: atMost(3, "≤ 3")},
	{id: "crash-1s", title: "the same, v2 1 s", unit: "ms", anchor: "3–9 (1–60)", target: atMost(3, "≤ 3")},
	{id: "stop-zero", scenario: "stop", title: "clean stop: priority 0 after SIGTERM", unit: "ms", anchor: "1.1", target: atMost(1, "≤ 1")},
	{id: "stop-garp", scenario: "stop", title: "clean stop: GARP of the backup beyond skew", unit: "ms", anchor: "6–12", target: atMost(3, "≤ 3")},
	{id: "stop-gone", scenario: "stop", title: "all processes gone after SIGTERM", unit: "ms", anchor: "1,020–1,120", target: atMost(50, "< 50")},

	{id: "kill-v2-away", scenario: "kill-v2", title: "VRRP child killed, v2 1 s: VIP nowhere for", unit: "ms", anchor: "3,400", target: atMost(0, "never")},
	{id: "kill-v2-two", scenario: "kill-v2", title: "  VIP on both hosts for", unit: "ms", target: atMost(0, "never")},
	{id: "kill-v2-silent", scenario: "kill-v2", title: "  adverts back after", unit: "ms", target: atMost(100, "< 100")},
	{id: "kill-v2-moves", scenario: "kill-v2", title: "  transitions of the peer", unit: "", anchor: "0–2", target: atMost(0, "0")},
	{id: "kill-v3-away", scenario: "kill-v3", title: "VRRP child killed, v3 100 ms: VIP nowhere for", unit: "ms", anchor: "300", target: atMost(0, "never")},
	{id: "kill-v3-two", scenario: "kill-v3", title: "  VIP on both hosts for", unit: "ms", target: atMost(0, "never")},
	{id: "kill-v3-silent", scenario: "kill-v3", title: "  adverts back after", unit: "ms", target: atMost(100, "< 100")},
	{id: "kill-v3-moves", scenario: "kill-v3", title: "  transitions of the peer", unit: "", anchor: "2", target: atMost(0, "0")},
	{id: "parent-zero", scenario: "kill-v2", title: "parent killed: priority 0 after", unit: "ms", target: later("sent")},
	{id: "parent-vip", scenario: "kill-v2", title: "  VIP removed after", unit: "ms", anchor: "< 300", target: atMost(300, "< 300")},
	{id: "parent-gone", scenario: "kill-v2", title: "  children gone after", unit: "ms", target: times(1, sameOrLower)},
	{id: "parent-orphans", scenario: "kill-v2", title: "  VIPs left behind", unit: "", anchor: "0", target: atMost(0, "0")},
	{id: "checker-out", scenario: "checkers", title: "checker child killed (106 entries): dead server out of ip_vs after", unit: "s", anchor: "2.05 (UML)", target: times(1, sameOrLower)},
	{id: "checker-respawn", scenario: "checkers", title: "  the next child is there after", unit: "ms", anchor: "240 (UML)", target: times(1, sameOrLower)},
	{id: "checker-disturbed", scenario: "checkers", title: "  entries of living servers absent or changed meanwhile", unit: "", anchor: "0", target: atMost(0, "none")},
	{id: "checker-changed", scenario: "checkers", title: "  ipvsadm -Sn before and after differs (but for the dead)", unit: "", anchor: "0", target: atMost(0, "never")},
	{id: "detect-out", scenario: "checkers", title: "closed server, delay_loop 2, retry 1: out of ip_vs after", unit: "s", anchor: "2.0 (UML)", target: times(1, sameOrLower)},
	{id: "reload-delay", scenario: "reload", title: "reload unchanged ×5: longest advert delay", unit: "ms", anchor: "0.2–3.4", target: atMost(3.4, "≤ 3.4")},
	{id: "reload-garps", scenario: "reload", title: "  GARPs sent", unit: "", anchor: "0", target: atMost(0, "none")},
	{id: "reload-moves", scenario: "reload", title: "  state changes", unit: "", anchor: "0", target: atMost(0, "none")},

	{id: "restore-back", scenario: "kill-v2", title: "VIP removed from outside: back after", unit: "ms", anchor: "410–590", target: atMost(50, "< 50")},
	{id: "restore-moves", scenario: "kill-v2", title: "  transitions", unit: "", anchor: "2", target: atMost(0, "0")},

	{id: "cpu-master-250", scenario: "scale-250", title: "CPU as master, 250 instances", unit: "ms/s", anchor: "7.6", target: later("")},
	{id: "cpu-master-1000", scenario: "scale-1000", title: "CPU as master, 1,000 instances", unit: "ms/s", anchor: "21", target: times(1, "below keepalived")},
	{id: "cpu-master-4000", scenario: "scale-4000", title: "CPU as master, 4,000 instances", unit: "ms/s", anchor: "61", target: times(1, "below keepalived")},
	{id: "cpu-backup-250", scenario: "scale-250", title: "CPU as backup, 250 instances", unit: "ms/s", anchor: "1.8", target: times(1, sameOrLower)},
	{id: "cpu-backup-1000", scenario: "scale-1000", title: "CPU as backup, 1,000 instances", unit: "ms/s", anchor: "6", target: times(1, sameOrLower)},
	{id: "cpu-backup-4000", scenario: "scale-4000", title: "CPU as backup, 4,000 instances", unit: "ms/s", anchor: "21", target: times(1, sameOrLower)},
	{id: "jitter50-250", scenario: "scale-250", title: "advert jitter p50, 250 instances", unit: "ms", anchor: "0.05", target: later("")},
	{id: "jitter99-250", scenario: "scale-250", title: "  p99, 250 instances", unit: "ms", anchor: "0.5–1.8", target: atMost(1.5, "≤ 1.5")},
	{id: "jitter50-1000", scenario: "scale-1000", title: "advert jitter p50, 1,000 instances", unit: "ms", anchor: "0.05", target: later("")},
	{id: "jitter99-1000", scenario: "scale-1000", title: "  p99, 1,000 instances", unit: "ms", anchor: "0.5–1.8", target: atMost(1.5, "≤ 1.5")},
	{id: "jitter50-4000", scenario: "scale-4000", title: "advert jitter p50, 4,000 instances", unit: "ms", anchor: "0.05", target: later("")},
	{id: "jitter99-4000", scenario: "scale-4000", title: "  p99, 4,000 instances", unit: "ms", anchor: "0.5–1.8", target: atMost(1.5, "≤ 1.5")},
	{id: "start-250", scenario: "scale-250", title: "start until all are MASTER (minimum 3.414), 250 instances", unit: "s", anchor: "4.2", target: atMost(3.714, "minimum + 0.3")},
	{id: "start-1000", scenario: "scale-1000", title: "start until all are MASTER (minimum 3.414), 1,000 instances", unit: "s", anchor: "6.8", target: atMost(3.714, "minimum + 0.3")},
	{id: "start-4000", scenario: "scale-4000", title: "start until all are MASTER (minimum 3.414), 4,000 instances", unit: "s", anchor: "16.3", target: atMost(3.714, "minimum + 0.3")},
	{id: "startcpu-1000", scenario: "scale-1000", title: "  CPU until then, 1,000 instances", unit: "s", target: times(1, sameOrLower)},
	{id: "startcpu-4000", scenario: "scale-4000", title: "  CPU until then, 4,000 instances", unit: "s", anchor: "12.6", target: times(1, sameOrLower)},
	{id: "over-advert-250", scenario: "scale-250", title: "takeover of all: last advert beyond MDI, 250 instances", unit: "ms", anchor: "4", target: atMost(4, "≤ 4")},
	{id: "over-garp-250", scenario: "scale-250", title: "  last first GARP beyond MDI", unit: "ms", target: times(1, sameOrLower)},
	{id: "over-advert-1000", scenario: "scale-1000", title: "takeover of all: last advert beyond MDI, 1,000 instances", unit: "ms", anchor: "573", target: atMost(20, "≤ 20")},
	{id: "over-garp-1000", scenario: "scale-1000", title: "  last first GARP beyond MDI", unit: "ms", target: times(1, sameOrLower)},
	{id: "over-advert-4000", scenario: "scale-4000", title: "takeover of all: last advert beyond MDI, 4,000 instances", unit: "ms", anchor: "4,783", target: atMost(100, "≤ 100")},
	{id: "over-garp-4000", scenario: "scale-4000", title: "  last first GARP beyond MDI", unit: "ms", target: times(1, sameOrLower)},
	{id: "reload-delay-1000", scenario: "scale-1000", title: "reload unchanged: longest advert delay, 1,000 instances", unit: "ms", target: atMost(200, "≤ 0.2 × advert_int")},
	{id: "reload-garps-1000", scenario: "scale-1000", title: "  GARPs sent", unit: "", target: atMost(0, "none")},
	{id: "dump-delay-1000", scenario: "scale-1000", title: "ten dump signals a second: longest advert delay, 1,000 instances", unit: "ms", anchor: "26", target: atMost(5, "≤ 5")},
	{id: "memory-1", scenario: "reload", title: "memory of all processes (PSS if alone), 1 instance", unit: "MB", anchor: "8.7", target: times(2, "≤ 2 × keepalived")},
	{id: "memory-1000", scenario: "scale-1000", title: "memory of all processes (PSS if alone), 1,000 instances", unit: "MB", target: times(2, "≤ 2 × keepalived")},
	{id: "memory-4000", scenario: "scale-4000", title: "memory of all processes (PSS if alone), 4,000 instances", unit: "MB", anchor: "18.9 RSS", target: times(1, "less")},
	{id: "addr-last", scenario: "addresses", title: "one instance, 2,000 addresses: last address after", unit: "ms", anchor: "67", target: times(1, "faster")},
	{id: "addr-garp", scenario: "addresses", title: "  last of 10,005 GARPs", unit: "ms", anchor: "83", target: times(1, "faster")},
	{id: "addr-garps", scenario: "addresses", title: "  GARPs in the first burst", unit: "", anchor: "10,005", target: later("10,005")},
	{id: "addr-removed", scenario: "addresses", title: "  removed after priority 0", unit: "ms", anchor: "48", target: times(1, "faster")},
	{id: "addr-late", scenario: "addresses", title: "  longest advert delay meanwhile", unit: "ms", anchor: "84", target: atMost(5, "none late")},
	{id: "check-instances", scenario: "check", title: "-t with 4,000 instances", unit: "ms", anchor: "166", target: times(1, sameOrLower)},
	{id: "check-instances-memory", scenario: "check", title: "  largest resident set", unit: "MB", target: later("")},
	{id: "check-instances-cpu", scenario: "check", title: "  CPU", unit: "ms", target: times(1, sameOrLower)},
	{id: "check-services", scenario: "check", title: "-t with 10,000 services × 4 servers", unit: "ms", anchor: "347", target: times(1, sameOrLower)},
	{id: "check-services-cpu", scenario: "check", title: "  CPU", unit: "ms", target: times(1, sameOrLower)},
	{id: "check-services-memory", scenario: "check", title: "  largest resident set", unit: "MB", anchor: "37", target: times(1, sameOrLower)},
	{id: "check-half", scenario: "large", title: "-t with 2,000 instances and 20,000 servers", unit: "ms", target: times(1, sameOrLower)},
	{id: "check-half-cpu", scenario: "large", title: "  CPU", unit: "ms", target: times(1, sameOrLower)},
	{id: "check-half-memory", scenario: "large", title: "  largest resident set", unit: "MB", target: later("")},
	{id: "check-large", scenario: "large", title: "-t with twice as many of both", unit: "ms", target: times(1, sameOrLower)},
	{id: "check-growth", scenario: "large", title: "  time as a multiple of the half's (linear: 2)", unit: "×", target: atMost(2.4, "≤ 2.4")},
	{id: "check-large-cpu", scenario: "large", title: "  CPU", unit: "ms", target: times(1, sameOrLower)},
	{id: "check-large-memory", scenario: "large", title: "  largest resident set", unit: "MB", target: later("")},
	{id: "reload-large", scenario: "large", title: "  reload of it unchanged (keepalived: its -t)", unit: "ms", target: times(1, "≤ its -t")},
	{id: "reload-large-cpu", scenario: "large", title: "    CPU of all processes (keepalived: of its -t)", unit: "ms", target: later("")},
	{id: "reload-large-delay", scenario: "large", title: "    longest advert delay meanwhile", unit: "ms", target: atMost(200, "≤ 0.2 × advert_int"), alone: true},
	{id: "reload-service", scenario: "large", title: "  reload of it with one weight changed (keepalived: its -t)", unit: "ms", target: later("")},
	{id: "reload-service-cpu", scenario: "large", title: "    CPU of all processes (keepalived: of its -t)", unit: "ms", target: later("")},
	{id: "reload-service-delay", scenario: "large", title: "    longest advert delay meanwhile", unit: "ms", target: atMost(200, "≤ 0.2 × advert_int"), alone: true},
	{id: "memory-large", scenario: "large", title: "  memory of all processes (PSS if alone)", unit: "MB", target: later(""), alone: true},
}

// in is the scenario that fills the row.
func (r row) in() string {
	if r.scenario != "" {
		return r.scenario
	}
	return r.id
}
