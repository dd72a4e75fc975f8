package checkercfg

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// check is a checker under construction: what was said, before defaults.
type check struct {
	*Check
	r *server

	bindAt     diag.Range    // place of bindto
	timeout    time.Duration // connect_timeout
	retry      int64
	retryDelay time.Duration
	warmup     time.Duration
	delayLoop  time.Duration
	alpha, log global.Switch
	http       *HTTP // of HTTP_GET and SSL_GET
	misc       *Misc // of MISC_CHECK
	smtp       *SMTP
	dns        *DNS
	udp        *Datagram
	bfd        *BFD
	file       *File

	url     URL  // that is being read
	path    bool // it has one
	regex   Regex
	pattern bool   // it has a regex
	named   bool   // BFD_CHECK: a name was tried
	hosts   []host // of SMTP_CHECK
}

// kind is one type of checker.
type kind struct {
	config.Keyword
	rows func() []cursor.Row[check]
	kind CheckKind
	// finish looks at the checker as a whole; false: it cannot run.
	finish func(k *check, c *cursor.Cursor) bool
}

func checkKinds() []kind {
	of := func(t CheckKind, rows func(path string) []cursor.Row[check], finish func(*check, *cursor.Cursor) bool) kind {
		k := kind{
			Keyword: config.Keyword{Path: serverPath, Name: t.String(), Kind: config.Block, Grammar: "{ ... }"},
			rows:    func() []cursor.Row[check] { return rows(serverPath + "/" + t.String()) },
			kind:    t,
			finish:  finish,
		}
		if !t.Runs() {
			k.Effect = notRunning
		}
		return k
	}
	none := func(string) []cursor.Row[check] { return nil }
	connected := func(own func(string) []cursor.Row[check]) func(string) []cursor.Row[check] {
		return func(path string) []cursor.Row[check] {
			return slices.Concat(connectionRows(path), scheduleRows(path), own(path))
		}
	}
	return []kind{
		of(TCPCheck, connected(none), nil),
		of(HTTPGet, connected(httpRows), finishHTTP),
		of(SSLGet, connected(httpRows), finishHTTP),
		of(SMTPCheck, connected(smtpRows), finishSMTP),
		of(DNSCheck, connected(dnsRows), nil),
		of(MiscCheck, func(path string) []cursor.Row[check] { return append(scheduleRows(path), miscRows(path)...) }, finishMisc),
		of(UDPCheck, connected(udpRows), finishUDP),
		of(PingCheck, connected(none), nil),
		of(BFDCheck, bfdCheckRows, finishBFD),
		of(FileCheck, fileCheckRows, finishFile),
	}
}

// tables are the keywords of each type of checker; those of nested blocks have
// paths of their own and are left out.
func tables() map[string]cursor.Table[check] {
	out := map[string]cursor.Table[check]{}
	for _, k := range checkKinds() {
		own := slices.DeleteFunc(k.rows(), func(row cursor.Row[check]) bool { return row.Path != k.Path+"/"+k.Name })
		out[k.Name] = cursor.Index(own)
	}
	return out
}

// read reads one checker's block.
func (k kind) read(r *server, c *cursor.Cursor) {
	state := &check{
		Check: &Check{Kind: k.kind}, r: r,
		timeout: Unset, retry: Unset, retryDelay: Unset, warmup: Unset, delayLoop: Unset,
	}
	switch k.kind {
	case HTTPGet, SSLGet:
		state.http = &HTTP{}
	case MiscCheck:
		state.misc = &Misc{}
	case SMTPCheck:
		state.smtp = &SMTP{Helo: defaultHelo}
	case DNSCheck:
		state.dns = &DNS{Type: "SOA"}
	case UDPCheck:
		state.udp = &Datagram{MaxLength: 255}
	case FileCheck:
		state.file = &File{}
	}
	checkTables[k.Name].Decode(state, c.Block(), c.Diags())
	if k.finish == nil || k.finish(state, c) {
		r.checks = append(r.checks, state)
	}
}

// complete gives the checker what its real server says where it says nothing itself,
// and what its type has without a word.
func (k *check) complete() {
	r, s := k.r, k.r.s
	k.DelayLoop = orDuration(k.delayLoop, r.Timing.DelayLoop)
	retry := k.completeKind()
	if r.Timing.Retry != Unset {
		retry = r.Timing.Retry
	}
	if k.retry != Unset {
		retry = k.retry
	}
	k.Retry = uint32(retry)
	between := k.DefaultRetryDelay
	if k.Kind == DNSCheck {
		between = k.DelayLoop
	}
	k.RetryDelay = orDuration(k.retryDelay, orDuration(r.Timing.RetryDelay, between))
	k.Warmup = orDuration(k.warmup, orDuration(r.Timing.Warmup, k.DelayLoop))
	k.Alpha = k.alpha.Or(r.Alpha)
	k.LogAll = k.log.Or(s.d.g.LogAllFailures)
	if k.Kind.connects() {
		k.completeConnection()
	}
}

// completeKind fills in what only one type of checker has, and returns how often it
// tries again when nobody says.
func (k *check) completeKind() (retry int64) {
	r, s := k.r, k.r.s
	retry, k.DefaultRetryDelay = 1, time.Second
	switch k.Kind {
	case HTTPGet, SSLGet:
		k.DefaultRetryDelay = 3 * time.Second
		k.http.Host = cmp.Or(k.http.VirtualHost, r.VirtualHost, s.VirtualHost)
		k.HTTP = k.http
	case MiscCheck:
		retry = 0
		k.misc.Limit = k.misc.Timeout
		if k.misc.Limit == 0 {
			k.misc.Limit = s.Timing.DelayLoop
		}
		k.Misc = k.misc
	case SMTPCheck:
		k.SMTP = k.smtp
	case DNSCheck:
		retry, k.DefaultRetryDelay = 3, 0 // as dumped: it is delay_loop
		k.DNS = k.dns
	case UDPCheck:
		k.UDP = k.udp
	case BFDCheck:
		k.BFD = k.bfd
	case FileCheck:
		k.File = k.file
	}
	return retry
}

// completeConnection: a check goes to the port that was written for the real server,
// even where ip_vs has another (observed on 2.2.7).
func (k *check) completeConnection() {
	r := k.r
	if !k.Connection.Addr.IsValid() {
		k.Connection.Addr = r.Addr
	}
	if k.Connection.Port == 0 {
		k.Connection.Port = r.port
	}
	if k.Connection.Port == 0 {
		k.Connection.Port = r.Server.Port
	}
	k.bindLike(k.Connection.Addr)
	k.Connection.Timeout = orDuration(k.timeout, r.Timing.ConnectTimeout)
}

// bindLike drops a bindto from which there is no way to an address.
func (k *check) bindLike(to netip.Addr) {
	b := &k.Connection.Bind
	if a := b.Addr(); a.IsValid() && a.Is4() != to.Is4() {
		k.r.s.d.diags.Errorf(k.bindAt, diag.BadAddress, "bindto address %s does not match address family of connect_ip - skipping", a)
		*b = netip.AddrPortFrom(netip.Addr{}, b.Port())
	}
}

// connectionRows are those of checkers that open a connection.
func connectionRows(path string) []cursor.Row[check] {
	bind := func(k *check, a netip.Addr, port uint16) { k.Connection.Bind = netip.AddrPortFrom(a, port) }
	return []cursor.Row[check]{
		address(path, "connect_ip", "the real server's", func(k *check, a netip.Addr) { k.Connection.Addr = a }),
		number(path, "connect_port", "the real server's", 1, 65535, func(k *check, n int64) { k.Connection.Port = uint16(n) }),
		bindRow(path, func(k *check, a netip.Addr) { bind(k, a, k.Connection.Bind.Port()) }),
		number(path, "bind_port", "none", 1, 65535, func(k *check, n int64) { bind(k, k.Connection.Bind.Addr(), uint16(n)) }),
		valued(path, "bind_if", config.Of(config.Interface), func(k *check, c *cursor.Cursor) {
			if w, ok := c.Next(); ok {
				k.Connection.BindIf = w.Text
			}
		}),
		timer(path, "connect_timeout", "the real server's", time.Microsecond, longest, func(k *check, d time.Duration) { k.timeout = d }),
		number(path, "fwmark", "0", 0, math.MaxUint32, func(k *check, n int64) { k.Connection.Mark = uint32(n) }),
	}
}

// bindRow is bindto; its place is kept for when the address of the other side is known.
func bindRow(path string, set func(*check, netip.Addr)) cursor.Row[check] {
	r := address(path, "bindto", "none", set)
	into := r.Into
	r.Into = func(k *check, c *cursor.Cursor) {
		k.bindAt = c.Line()
		into(k, c)
	}
	return r
}

// scheduleRows are those of checkers that run again and again.
func scheduleRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		number(path, "retry", "the real server's, else 1 (DNS_CHECK 3, MISC_CHECK 0)", 0, math.MaxUint32, func(k *check, n int64) { k.retry = n }),
		timer(path, "delay_before_retry", "the real server's, else 1 (HTTP_GET and SSL_GET 3)", 0, config.NoEnd, func(k *check, d time.Duration) { k.retryDelay = d }),
		timer(path, "warmup", "the real server's", 0, config.NoEnd, func(k *check, d time.Duration) { k.warmup = d }),
		timer(path, "delay_loop", "the real server's", time.Microsecond, config.NoEnd, func(k *check, d time.Duration) { k.delayLoop = d }),
		boolean(path, "alpha", "the real server's", "Invalid alpha parameter %s", func(k *check, v bool) { k.alpha = global.SwitchOf(v) }),
		boolean(path, "log_all_failures", "checker_log_all_failures", "Invalid log_all_failures parameter %s", func(k *check, v bool) { k.log = global.SwitchOf(v) }),
	}
}

func miscRows(path string) []cursor.Row[check] {
	script := line(path, "misc_path", "<script>", 0, func(k *check, c *cursor.Cursor) {
		if s, ok := c.Script(); ok {
			s.User, s.Group, s.AllGroups = "", "", false
			k.misc.Script = s
		}
	})
	script.Script = true
	timeout := number(path, "misc_timeout", "the virtual server's delay_loop", 0, math.MaxUint32/1_000_000, func(k *check, n int64) {
		k.misc.Timeout = time.Duration(n) * time.Second
	})
	timeout.Value.Unit = config.Seconds
	return []cursor.Row[check]{
		script,
		timeout,
		flag(path, "misc_dynamic", func(k *check) { k.misc.Dynamic = true }),
		line(path, "user", "<user> [[:]<group>]", 0, func(k *check, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "No user specified for misc checker script")
			} else if k.misc.Script != nil {
				k.misc.Script.SetUser(c.Rest())
			}
		}),
	}
}

func finishMisc(k *check, c *cursor.Cursor) bool {
	if k.misc.Script == nil {
		c.Errorf(c.Range(), diag.BadValue, "No script path has been specified for MISC_CHECKER - skipping")
		return false
	}
	return true
}
