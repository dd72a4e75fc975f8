package global

import (
	"cmp"
	"fmt"
	"time"

	"keepalived/core/config/cursor"
	"keepalived/core/dump"
)

// Facts are what the dump shows and the configuration does not know.
type Facts struct {
	// HostName is the router ID when none is configured.
	HostName string
	// IDs are the numbers of a user and a group as written, "" for the default ones
	// (without a group: the user's). Nil: everything is root's.
	IDs func(user, group string) (uid, gid uint32)
	// Reader is the command of the reader of a FIFO as a child shows it, "" when it
	// cannot be run. Nil: as written, with the FIFO's path behind it.
	Reader func(f *FIFO) string
}

// Text is the section "Global definitions" of keepalived.data, as 2.2.7 prints it in a
// child; parent is its form in keepalived_parent.data, which has what only the parent
// does and lacks what only a child resolves.
func (c *Config) Text(parent bool) []byte { return c.Dump(parent, Facts{}) }

// Dump is Text with what the machine adds to it.
func (c *Config) Dump(parent bool, f Facts) []byte {
	if f.IDs == nil {
		f.IDs = func(string, string) (uint32, uint32) { return 0, 0 }
	}
	switch {
	case parent:
		f.Reader = func(f *FIFO) string { return f.Script.String() }
	case f.Reader == nil:
		f.Reader = func(f *FIFO) string { return f.Script.String() + " '" + f.Path + "'" }
	}
	t := section{c: c, parent: parent, facts: f}
	t.Section("Global definitions")
	t.identity()
	t.mail()
	t.reload()
	t.links()
	t.lvs()
	t.fifos()
	t.vrrp()
	t.firewall()
	t.Line(1, "VRRP check unicast_src = %t", c.CheckUnicastSource)
	t.Line(1, "VRRP skip check advert addresses = %t", c.SkipCheckAdvAddr)
	t.Line(1, "VRRP strict mode = %t", c.Strict)
	t.processes()
	t.agents()
	t.buffers()
	return t.Bytes()
}

// section is the dump being written.
type section struct {
	dump.Writer
	c      *Config
	parent bool
	facts  Facts
}

// ids is `uid:gid 0:0`.
func (t *section) ids(user, group string) string {
	uid, gid := t.facts.IDs(user, group)
	return fmt.Sprintf("uid:gid %d:%d", uid, gid)
}

// optional writes a line with a text unless it is empty.
func (t *section) optional(title, value string) {
	if value != "" {
		t.Line(1, "%s = %s", title, value)
	}
}

func (t *section) seconds(title string, d time.Duration) { t.Line(1, "%s = %d", title, d/time.Second) }

func (t *section) identity() {
	c := t.c
	t.Line(1, "Network namespace = %s", cmp.Or(c.Namespace, "(default)"))
	t.Line(1, "Network namespace ipvs = %s", cmp.Or(c.NamespaceIPVS, "(main namespace)"))
	t.optional("Instance name", c.Instance)
	for _, p := range []struct{ title, name, standard string }{
		{"Parent process name", c.Parent.Name, ""}, {"VRRP process name", c.VRRP.Name, "keepalived_vrrp"},
		{"LVS process name", c.Checker.Name, "keepalived_lvs"}, {"BFD process name", c.BFD.Name, "keepalived_bfd"},
	} {
		if p.name == "" && c.ProcessNames {
			p.name = p.standard
		}
		t.optional(p.title, p.name)
	}
	t.Line(1, "Router ID = %s", cmp.Or(c.RouterID, t.facts.HostName))
}

func (t *section) mail() {
	c := t.c
	if c.SMTPServer != "" {
		t.Line(1, "Smtp server = %s", c.SMTPServer)
		t.Line(1, "Smtp server port = %d", c.SMTPPort)
	}
	helo, from := c.SMTPHelo, c.EmailFrom
	if c.SMTPServer != "" { // without a server no mail is sent, and nothing is made up
		helo, from = cmp.Or(helo, t.facts.HostName), cmp.Or(from, "root@"+t.facts.HostName)
	}
	t.optional("Smtp HELO name", helo)
	if c.SMTPServer != "" || c.SMTPTimeout != Default().SMTPTimeout {
		t.seconds("Smtp server connection timeout", c.SMTPTimeout)
	}
	if from != "" {
		t.Line(1, "Email notification from = %s", from)
		t.Line(1, "Email notification to:")
		for _, a := range c.Email {
			t.Line(3, "%s", a)
		}
	}
	t.Line(1, "Default smtp_alert = %s", c.SMTPAlert)
	t.Line(1, "Default smtp_alert_vrrp = %s", c.SMTPAlertVRRP)
	t.Line(1, "Default smtp_alert_checker = %s", c.SMTPAlertChecker)
	t.Line(1, "Checkers log all failures = %t", c.LogAllFailures)
}

func (t *section) reload() {
	c := t.c
	if c.ReloadCheck {
		t.Line(1, "Test config before reload, log to %s", cmp.Or(c.ReloadCheckLog, "/dev/null"))
	} else {
		t.Line(1, "No test config before reload")
	}
	if c.ReloadTimeFile != "" {
		t.Line(1, "Reload time file = %s%s", c.ReloadTimeFile, dump.OnOff(c.ReloadRepeat, " (repeat)", ""))
		t.Line(1, "No reload scheduled")
	}
	if c.ReloadFileSet {
		t.Line(1, "Reload_file = %s", cmp.Or(c.ReloadFile, "/run/keepalived.reload"))
	}
	if c.DataUseInstance {
		t.Line(1, "Use instance name in data dumps")
	}
	if !t.parent {
		return
	}
	for _, s := range []struct {
		title string
		s     *cursor.Script
		limit time.Duration
	}{{"Startup", c.StartupScript, c.StartupTimeout}, {"Shutdown", c.ShutdownScript, c.ShutdownTimeout}} {
		if s.s != nil {
			// The comma in front of one timeout and not of the other is 2.2.7's.
			comma := dump.OnOff(s.title == "Startup", ",", "")
			t.Line(1, "%s script = %s, %s%s timeout %d", s.title, s.s, t.ids(s.s.User, s.s.Group), comma, s.limit/time.Second)
		}
	}
}

func (t *section) links() {
	c := t.c
	t.Line(1, "Dynamic interfaces = %t", c.DynamicInterfaces)
	if c.DynamicInterfaces {
		t.Line(1, "Allow interface changes = %t", c.AllowIfChanges)
	}
	if c.NoEmailFaults {
		t.Line(1, "Send emails for fault transitions = off")
	}
}

func (t *section) lvs() {
	c := t.c
	for _, l := range []struct {
		title string
		d     time.Duration
	}{{"LVS TCP timeout", c.TCPTimeout}, {"LVS TCP FIN timeout", c.TCPFinTimeout}, {"LVS UDP timeout", c.UDPTimeout}} {
		if l.d > 0 {
			t.seconds(l.title, l.d)
		}
	}
	if !t.parent {
		t.Line(1, "Default interface = %s", cmp.Or(c.DefaultInterface, "eth0"))
	}
	t.Line(1, "Disable local IGMP = %s", dump.OnOff(c.DisableLocalIGMP, "yes", "no"))
	if s := c.SyncDaemon; s != nil {
		t.optional("LVS syncd vrrp "+dump.OnOff(t.parent, "name", "instance"), s.Instance)
		t.Line(1, "LVS syncd interface = %s", s.Interface)
		if s.ID >= 0 {
			t.Line(1, "LVS syncd syncid = %d", s.ID)
		}
		if s.MaxLen > 0 {
			t.Line(1, "LVS syncd maxlen = %d", s.MaxLen)
		}
		if s.Group.IsValid() {
			t.Line(1, "LVS mcast group %s", s.Group)
		}
		if s.Port > 0 {
			t.Line(1, "LVS syncd mcast port = %d", s.Port)
		}
		if s.TTL > 0 {
			t.Line(1, "LVS syncd mcast ttl = %d", s.TTL)
		}
	}
	t.Line(1, "LVS flush = %t", c.LVSFlush)
	t.Line(1, "LVS flush on stop = %s", [...]string{FlushDisabled: "disabled", FlushAll: "full", FlushVS: "VS"}[c.FlushOnStop])
}

func (t *section) fifos() {
	c := t.c
	for _, f := range []struct {
		title string
		f     *FIFO
	}{{"Global", &c.FIFO}, {"VRRP", &c.VRRPFIFO}, {"LVS", &c.LVSFIFO}} {
		if f.f.Path == "" {
			continue
		}
		// Without an owner of its own a FIFO is root's, whoever scripts run as.
		t.Line(1, "%s notify fifo = %s, %s", f.title, f.f.Path, t.ids(cmp.Or(f.f.User, "root"), f.f.Group))
		s := f.f.Script
		if s == nil {
			continue
		}
		if command := t.facts.Reader(f.f); command != "" {
			t.Line(1, "%s notify fifo script = %s, %s", f.title, command, t.ids(s.User, s.Group))
		}
	}
	t.Line(1, "FIFO write vrrp states on reload = %t", c.FIFOStatesOnReload)
	t.Line(1, "VRRP notify priority changes = %t", c.NotifyPriorityChanges)
}

func (t *section) vrrp() {
	c, g := t.c, &t.c.GARP
	t.Line(1, "VRRP IPv4 mcast group = %s", c.Group4)
	t.Line(1, "VRRP IPv6 mcast group = %s", c.Group6)
	t.seconds("Gratuitous ARP delay", g.Delay)
	t.Line(1, "Gratuitous ARP repeat = %d", g.Repeat)
	t.seconds("Gratuitous ARP refresh timer", g.Refresh)
	t.Line(1, "Gratuitous ARP refresh repeat = %d", g.RefreshRepeat)
	delay, repeat := uint32(g.LowerPrioDelay/time.Second), g.LowerPrioRepeat
	if g.LowerPrioDelay == UnsetDelay {
		delay = t.unset(uint32(g.Delay / time.Second))
	}
	if repeat == UnsetCount {
		repeat = t.unset(g.Repeat)
	}
	t.Line(1, "Gratuitous ARP lower priority delay = %d", delay)
	t.Line(1, "Gratuitous ARP lower priority repeat = %d", repeat)
	t.Line(1, "Num adverts before down = %d", c.DownTimerAdverts)
	t.Line(1, "Gratuitous ARP for each secondary %s = %ds", dump.OnOff(g.ExtraIfAll, "i/f", "VMAC"), g.ExtraIf/time.Second)
	t.Line(1, "Send advert after receive lower priority advert = %t", !c.LowerPrioNoAdvert.Or(false))
	t.Line(1, "Send advert after receive higher priority advert = %t", c.HigherPrioSendAdvert.Or(false))
	t.Line(1, "Gratuitous ARP interval = %.6f", g.Interval.Seconds())
	t.Line(1, "Gratuitous NA interval = %.6f", g.NAInterval.Seconds())
	t.Line(1, "VRRP default protocol version = %d", c.Version)
}

// unset is a value that was not set: the parent shows the mark for that, a child the
// value it takes instead.
func (t *section) unset(v uint32) uint32 {
	if t.parent {
		return UnsetCount
	}
	return v
}

func (t *section) firewall() {
	c := t.c
	if c.NFTTable != "" {
		t.Line(1, "nftables table name = %s", c.NFTTable)
		t.Line(1, "nftables base chain priority = %d", c.NFTPriority)
		t.Line(1, "nftables %sforce use ifindex for link local IPv6", dump.OnOff(c.NFTIfIndex, "", "don't "))
	}
	if c.NFTIPVSTable != "" {
		t.Line(1, "ipvs nftables table name = %s", c.NFTIPVSTable)
		t.Line(1, "ipvs nftables base chain priority = %d", c.NFTIPVSPriority)
		t.Line(1, "ipvs nftables start fwmark = %d", c.NFTIPVSFwmark)
	}
	t.Line(1, "nftables with%s counters", dump.OnOff(c.NFTCounters, "", "out"))
	t.Line(1, "libnftnl version 1.2.3")
}

func (t *section) processes() {
	c := t.c
	limit := fmt.Sprint(c.MaxAutoPriority)
	if c.MaxAutoPriority < 0 {
		limit = "Disabled"
	}
	t.Line(1, "Max auto priority = %s", limit)
	t.Line(1, "Min auto priority delay = %d usecs", c.MinAutoPriorityDelay.Microseconds())
	for _, p := range []struct {
		title string
		p     *Process
	}{{"VRRP", &c.VRRP}, {"Checker", &c.Checker}, {"BFD", &c.BFD}} {
		t.Line(1, "%s process priority = %d", p.title, p.p.Nice)
		t.Line(1, "%s don't swap = %t", p.title, p.p.NoSwap)
		t.Line(1, "%s realtime priority = %d", p.title, p.p.RTPriority)
		if len(p.p.CPUs) > 0 {
			list := ""
			for _, cpu := range p.p.CPUs {
				list += fmt.Sprintf("%d ", cpu)
			}
			t.Line(1, "%s CPU Affinity = %s", p.title, list)
		}
		t.Line(1, "%s realtime limit = %d", p.title, p.p.RTTime.Microseconds())
	}
}

func (t *section) agents() {
	c := t.c
	for _, s := range []struct {
		title string
		on    bool
	}{{"SNMP vrrp", c.SNMPVRRP}, {"SNMP checker", c.SNMPChecker}, {"SNMP RFCv2", c.SNMPRFCv2}, {"SNMP RFCv3", c.SNMPRFCv3}, {"SNMP traps", c.SNMPTraps}} {
		t.Line(1, "%s %s", s.title, dump.OnOff(s.on, "enabled", "disabled"))
	}
	t.Line(1, "SNMP socket = %s", cmp.Or(c.SNMPSocket, "default (unix:/var/agentx/master)"))
	t.Line(1, "DBus %s", dump.OnOff(c.DBus, "enabled", "disabled"))
	t.Line(1, "DBus service name = %s", c.DBusServiceName)
	t.Line(1, "Script security %s", dump.OnOff(c.ScriptSecurity, "enabled", "disabled"))
	t.Line(1, "Default script %s", t.ids(c.ScriptUser.User, c.ScriptUser.Group))
}

func (t *section) buffers() {
	c := t.c
	for _, b := range []struct {
		name string
		b    Buffers
	}{
		{"vrrp_netlink_cmd", c.NetlinkCmdBufs}, {"vrrp_netlink_monitor", c.NetlinkMonitorBufs},
		{"process_monitor", c.ProcessMonitorBufs}, {"lvs_netlink_cmd", c.LVSNetlinkCmdBufs}, {"lvs_netlink_monitor", c.LVSNetlinkMonitorBufs},
	} {
		t.Line(1, "%s_rcv_bufs = %d", b.name, b.b.Bytes)
		t.Line(1, "%s_rcv_bufs_force = %d", b.name, bit(b.b.Force))
	}
	t.Line(1, "rs_init_notifies = %d", bit(c.RSInitNotifies))
	t.Line(1, "no_checker_emails = %d", bit(c.NoCheckerEmails))
	switch r := &c.RxBufs; {
	case r.Bytes > 0:
		t.Line(1, "rx_bufs_size = %d", r.Bytes)
	case r.ByMTU:
		t.Line(1, "rx_bufs_policy = MTU")
	case r.ByAdvert:
		t.Line(1, "rx_bufs_policy = ADVERT")
	}
	t.Line(1, "rx_bufs_multiples = %d", int32(c.RxBufs.Multiplier)) // signed in 2.2.7
	t.Line(1, "umask = 0%o", c.Umask)
	if c.StartupDelay > 0 {
		t.Line(1, "vrrp_startup_delay = %.6g", c.StartupDelay.Seconds())
	}
	if c.LogUnknownVRIDs {
		t.Line(1, "log_unknown_vrids")
	}
	if c.VMACPrefix != Default().VMACPrefix {
		t.Line(1, "VMAC prefix = %s", c.VMACPrefix)
	}
	t.optional("VMAC address prefix", c.VMACAddrPrefix)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
