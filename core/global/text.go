package global

import (
	"fmt"
	"time"

	"keepalived/core/config/cursor"
	"keepalived/core/dump"
)

// Text is the section "Global definitions" of keepalived.data, as 2.2.7 prints it in a
// child; parent leaves out what only a child resolves (as keepalived_parent.data does).
func (c *Config) Text(parent bool) []byte {
	var w dump.Writer
	w.Section("Global definitions")
	c.identityText(&w)
	c.mailText(&w)
	w.Line(1, "Checkers log all failures = %t", c.LogAllFailures)
	if c.ReloadCheck {
		w.Line(1, "Test config before reload, log to %s", c.ReloadCheckLog)
	} else {
		w.Line(1, "No test config before reload")
	}
	for _, s := range []struct {
		title string
		s     *cursor.Script
		limit time.Duration
	}{{"Startup", c.StartupScript, c.StartupTimeout}, {"Shutdown", c.ShutdownScript, c.ShutdownTimeout}} {
		if s.s != nil {
			w.Line(1, "%s script = %s, uid:gid 0:0, timeout %d", s.title, s.s.Text, int(s.limit/time.Second))
		}
	}
	w.Line(1, "Dynamic interfaces = %t", c.DynamicInterfaces)
	if c.DynamicInterfaces {
		w.Line(1, "Allow interface changes = %t", c.AllowIfChanges)
	}
	if !parent {
		w.Line(1, "Default interface = %s", either(c.DefaultInterface, "eth0"))
	}
	w.Line(1, "Disable local IGMP = %s", dump.OnOff(c.DisableLocalIGMP, "yes", "no"))
	c.lvsText(&w)
	c.fifoText(&w)
	c.vrrpText(&w, parent)
	c.processText(&w)
	c.serviceText(&w)
	c.bufferText(&w)
	return w.Bytes()
}

func either(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func (c *Config) identityText(w *dump.Writer) {
	w.Line(1, "Network namespace = %s", either(c.Namespace, "(default)"))
	w.Line(1, "Network namespace ipvs = %s", either(c.NamespaceIPVS, "(main namespace)"))
	if c.Instance != "" {
		w.Line(1, "Instance = %s", c.Instance)
	}
	w.Line(1, "Router ID = %s", c.RouterID)
}

func (c *Config) mailText(w *dump.Writer) {
	if c.SMTPServer != "" {
		w.Line(1, "Smtp server = %s", c.SMTPServer)
		w.Line(1, "Smtp server port = %d", c.SMTPPort)
	}
	if c.SMTPHelo != "" {
		w.Line(1, "Smtp HELO name = %s", c.SMTPHelo)
	}
	if c.SMTPServer != "" {
		w.Line(1, "Smtp server connection timeout = %d", int(c.SMTPTimeout/time.Second))
	}
	if len(c.Email) > 0 {
		w.Line(1, "Email notification from = %s", c.EmailFrom)
		w.Line(1, "Email notification to:")
		for _, a := range c.Email {
			w.Line(3, "%s", a)
		}
	}
	w.Line(1, "Default smtp_alert = %s", c.SMTPAlert)
	w.Line(1, "Default smtp_alert_vrrp = %s", c.SMTPAlertVRRP)
	w.Line(1, "Default smtp_alert_checker = %s", c.SMTPAlertChecker)
}

func (c *Config) lvsText(w *dump.Writer) {
	w.Line(1, "LVS flush = %t", c.LVSFlush)
	w.Line(1, "LVS flush on stop = %s", [...]string{FlushDisabled: "disabled", FlushAll: "full", FlushVS: "VS"}[c.FlushOnStop])
}

func (c *Config) fifoText(w *dump.Writer) {
	for _, f := range []struct {
		title string
		f     *FIFO
	}{{"Global", &c.FIFO}, {"VRRP", &c.VRRPFIFO}, {"LVS", &c.LVSFIFO}} {
		if f.f.Path == "" {
			continue
		}
		w.Line(1, "%s notify fifo = %s, uid:gid 0:0", f.title, f.f.Path)
		if f.f.Script != nil {
			w.Line(1, "%s notify fifo script = %s, uid:gid 0:0", f.title, f.f.Script.Text)
		}
	}
	w.Line(1, "FIFO write vrrp states on reload = %t", c.FIFOStatesOnReload)
	w.Line(1, "VRRP notify priority changes = %t", c.NotifyPriorityChanges)
}

func (c *Config) vrrpText(w *dump.Writer, parent bool) {
	g := &c.GARP
	w.Line(1, "VRRP IPv4 mcast group = %s", c.Group4)
	w.Line(1, "VRRP IPv6 mcast group = %s", c.Group6)
	w.Line(1, "Gratuitous ARP delay = %d", int(g.Delay/time.Second))
	w.Line(1, "Gratuitous ARP repeat = %d", g.Repeat)
	w.Line(1, "Gratuitous ARP refresh timer = %d", int(g.Refresh/time.Second))
	w.Line(1, "Gratuitous ARP refresh repeat = %d", g.RefreshRepeat)
	delay, repeat := fmt.Sprint(int(g.LowerPrioDelay/time.Second)), fmt.Sprint(g.LowerPrioRepeat)
	if g.LowerPrioDelay == UnsetDelay {
		delay = fmt.Sprint(unsetOr(parent, int(g.Delay/time.Second)))
	}
	if g.LowerPrioRepeat == UnsetCount {
		repeat = fmt.Sprint(unsetOr(parent, int(g.Repeat)))
	}
	w.Line(1, "Gratuitous ARP lower priority delay = %s", delay)
	w.Line(1, "Gratuitous ARP lower priority repeat = %s", repeat)
	w.Line(1, "Num adverts before down = %d", c.DownTimerAdverts)
	w.Line(1, "Gratuitous ARP for each secondary VMAC = %ds", int(g.ExtraIf/time.Second))
	w.Line(1, "Send advert after receive lower priority advert = %t", !c.LowerPrioNoAdvert.Or(false))
	w.Line(1, "Send advert after receive higher priority advert = %t", c.HigherPrioSendAdvert.Or(false))
	w.Line(1, "Gratuitous ARP interval = %.6f", g.Interval.Seconds())
	w.Line(1, "Gratuitous NA interval = %.6f", g.NAInterval.Seconds())
	w.Line(1, "VRRP default protocol version = %d", c.Version)
	if c.NFTTable != "" {
		w.Line(1, "nftables table name = %s", c.NFTTable)
		w.Line(1, "nftables base chain priority = %d", c.NFTPriority)
	}
	w.Line(1, "nftables with%s counters", dump.OnOff(c.NFTCounters, "", "out"))
	w.Line(1, "libnftnl version 1.2.3")
	w.Line(1, "VRRP check unicast_src = %t", c.CheckUnicastSource)
	w.Line(1, "VRRP skip check advert addresses = %t", c.SkipCheckAdvAddr)
	w.Line(1, "VRRP strict mode = %t", c.Strict)
	w.Line(1, "Max auto priority = %d", c.MaxAutoPriority)
	w.Line(1, "Min auto priority delay = %d usecs", c.MinAutoPriorityDelay.Microseconds())
}

// unsetOr is the parent's way to print a value that was not set: the raw number.
func unsetOr(parent bool, v int) uint32 {
	if parent {
		return UnsetCount
	}
	return uint32(v)
}

func (c *Config) processText(w *dump.Writer) {
	for _, p := range []struct {
		title string
		p     *Process
	}{{"VRRP", &c.VRRP}, {"Checker", &c.Checker}, {"BFD", &c.BFD}} {
		w.Line(1, "%s process priority = %d", p.title, p.p.Nice)
		w.Line(1, "%s don't swap = %t", p.title, p.p.NoSwap)
		w.Line(1, "%s realtime priority = %d", p.title, p.p.RTPriority)
		w.Line(1, "%s realtime limit = %d", p.title, p.p.RTTime.Microseconds())
	}
}

func (c *Config) serviceText(w *dump.Writer) {
	for _, s := range []struct {
		title string
		on    bool
	}{{"SNMP vrrp", c.SNMPVRRP}, {"SNMP checker", c.SNMPChecker}, {"SNMP RFCv2", c.SNMPRFCv2}, {"SNMP RFCv3", c.SNMPRFCv3}, {"SNMP traps", c.SNMPTraps}} {
		w.Line(1, "%s %s", s.title, dump.OnOff(s.on, "enabled", "disabled"))
	}
	w.Line(1, "SNMP socket = %s", either(c.SNMPSocket, "default (unix:/var/agentx/master)"))
	w.Line(1, "DBus %s", dump.OnOff(c.DBus, "enabled", "disabled"))
	w.Line(1, "DBus service name = %s", c.DBusServiceName)
	w.Line(1, "Script security %s", dump.OnOff(c.ScriptSecurity, "enabled", "disabled"))
	w.Line(1, "Default script uid:gid 0:0")
}

func (c *Config) bufferText(w *dump.Writer) {
	for _, b := range []struct {
		name string
		b    Buffers
	}{
		{"vrrp_netlink_cmd", c.NetlinkCmdBufs}, {"vrrp_netlink_monitor", c.NetlinkMonitorBufs},
		{"process_monitor", c.ProcessMonitorBufs}, {"lvs_netlink_cmd", c.LVSNetlinkCmdBufs}, {"lvs_netlink_monitor", c.LVSNetlinkMonitorBufs},
	} {
		w.Line(1, "%s_rcv_bufs = %d", b.name, b.b.Bytes)
		w.Line(1, "%s_rcv_bufs_force = %d", b.name, bit(b.b.Force))
	}
	w.Line(1, "rs_init_notifies = %d", bit(c.RSInitNotifies))
	w.Line(1, "no_checker_emails = %d", bit(c.NoCheckerEmails))
	w.Line(1, "rx_bufs_multiples = %d", c.RxBufs.Multiplier)
	w.Line(1, "umask = 0%o", c.Umask)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
