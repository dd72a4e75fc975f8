package vrrpcfg

// Change is the set of sub-models in which two generations of an instance differ.
type Change uint16

const (
	// ChangeIdentity restarts the instance; everything else is applied in place.
	ChangeIdentity Change = 1 << iota
	// ChangeElection: priority, interval, preemption and the other rules of the machine.
	ChangeElection
	// ChangeSource: source address.
	ChangeSource
	// ChangeUnicast: peers or their limits.
	ChangeUnicast
	// ChangeAuth: authentication.
	ChangeAuth
	// ChangeGARP: announcement schedule.
	ChangeGARP
	// ChangeAddresses: VIPs or excluded VIPs.
	ChangeAddresses
	// ChangeRoutes: routes or rules.
	ChangeRoutes
	// ChangeTrack: tracked objects or their weights.
	ChangeTrack
	// ChangeNotify: scripts, mail, FIFO lines.
	ChangeNotify
	// ChangeGroup: the sync group.
	ChangeGroup
)

// Restart reports whether the instance must be stopped and started anew.
func (c Change) Restart() bool { return c&ChangeIdentity != 0 }

// Compare returns in what b differs from a, 0 when an instance is not to be touched.
func Compare(a, b *Instance) Change { return 0 }

// Plan is what a reload does, by instance name, in the order of the new file
// (Removed: of the old).
type Plan struct {
	Kept      []string
	Changed   map[string]Change
	Restarted []string
	Removed   []string
	Added     []string
}

// Diff plans the reload from one generation to the next.
func Diff(from, to *Config) Plan { return Plan{} }

// Digest identifies what an instance claims to be, for the hand-over record: a
// crashed child's mastership is resumed only under the same digest.
func (i *Instance) Digest() [8]byte { return [8]byte{} }
