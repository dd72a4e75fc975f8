package checkercfg

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strings"
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

	timeout    time.Duration // connect_timeout
	retry      int64
	retryDelay time.Duration
	warmup     time.Duration
	delayLoop  time.Duration
	alpha, log global.Switch
	http       *HTTP // of HTTP_GET and SSL_GET
	misc       *Misc // of MISC_CHECK

	url     URL  // that is being read
	path    bool // it has one
	bfd     config.Word
	badName bool
	file    bool
}

// kind is one type of checker.
type kind struct {
	config.Keyword
	rows func() []cursor.Row[check]
	// kind is 0 for a checker that is read and does not run.
	kind CheckKind
	// finish looks at the checker as a whole; false: it cannot run.
	finish func(k *check, c *cursor.Cursor) bool
}

func checkKinds() []kind {
	of := func(name string, runs CheckKind, rows func(path string) []cursor.Row[check], finish func(*check, *cursor.Cursor) bool) kind {
		k := kind{
			Keyword: config.Keyword{Path: serverPath, Name: name, Kind: config.Block, Grammar: "{ ... }"},
			rows:    func() []cursor.Row[check] { return rows(serverPath + "/" + name) },
			kind:    runs,
			finish:  finish,
		}
		if runs == 0 {
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
		of("TCP_CHECK", TCPCheck, connected(none), nil),
		of("HTTP_GET", HTTPGet, connected(httpRows), finishHTTP),
		of("SSL_GET", SSLGet, connected(httpRows), finishHTTP),
		of("SMTP_CHECK", 0, connected(smtpRows), nil),
		of("DNS_CHECK", 0, connected(dnsRows), nil),
		of("MISC_CHECK", MiscCheck, func(path string) []cursor.Row[check] { return append(scheduleRows(path), miscRows(path)...) }, finishMisc),
		of("UDP_CHECK", 0, connected(udpRows), nil),
		of("PING_CHECK", 0, connected(none), nil),
		of("BFD_CHECK", 0, bfdCheckRows, finishBFD),
		of("FILE_CHECK", 0, fileCheckRows, finishFile),
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
	}
	checkTables[k.Name].Decode(state, c.Block(), c.Diags())
	if (k.finish == nil || k.finish(state, c)) && k.kind != 0 {
		r.checks = append(r.checks, state)
	}
}

// complete gives the checker what its real server says where it says nothing itself,
// and what its type has without a word.
func (k *check) complete() {
	r, s := k.r, k.r.s
	retry := int64(1)
	k.DefaultRetryDelay = time.Second
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
	}
	if r.Timing.Retry != Unset {
		retry = r.Timing.Retry
	}
	if k.retry != Unset {
		retry = k.retry
	}
	k.Retry = uint32(retry)
	k.DelayLoop = orDuration(k.delayLoop, r.Timing.DelayLoop)
	k.RetryDelay = orDuration(k.retryDelay, orDuration(r.Timing.RetryDelay, k.DefaultRetryDelay))
	k.Warmup = orDuration(k.warmup, orDuration(r.Timing.Warmup, k.DelayLoop))
	k.Alpha = k.alpha.Or(r.Alpha)
	k.LogAll = k.log.Or(s.d.g.LogAllFailures)
	if k.Kind != MiscCheck {
		k.completeConnection()
	}
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
	k.Connection.Timeout = orDuration(k.timeout, r.Timing.ConnectTimeout)
}

// connectionRows are those of checkers that open a connection.
func connectionRows(path string) []cursor.Row[check] {
	bind := func(k *check, a netip.Addr, port uint16) { k.Connection.Bind = netip.AddrPortFrom(a, port) }
	return []cursor.Row[check]{
		address(path, "connect_ip", "the real server's", func(k *check, a netip.Addr) { k.Connection.Addr = a }),
		number(path, "connect_port", "the real server's", 1, 65535, func(k *check, n int64) { k.Connection.Port = uint16(n) }),
		address(path, "bindto", "none", func(k *check, a netip.Addr) { bind(k, a, k.Connection.Bind.Port()) }),
		number(path, "bind_port", "none", 1, 65535, func(k *check, n int64) { bind(k, k.Connection.Bind.Addr(), uint16(n)) }),
		line(path, "bind_if", "<if>", 1, func(k *check, c *cursor.Cursor) {
			if w, ok := c.Next(); ok {
				k.Connection.BindIf = w.Text
			}
		}),
		timer(path, "connect_timeout", "the real server's", time.Microsecond, longest, func(k *check, d time.Duration) { k.timeout = d }),
		number(path, "fwmark", "0", 0, math.MaxUint32, func(k *check, n int64) { k.Connection.Mark = uint32(n) }),
	}
}

// scheduleRows are those of checkers that run again and again.
func scheduleRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		number(path, "retry", "the real server's, else 1 (DNS_CHECK 3, MISC_CHECK 0)", 0, math.MaxUint32, func(k *check, n int64) { k.retry = n }),
		timer(path, "delay_before_retry", "the real server's, else 1 (HTTP_GET and SSL_GET 3)", 0, longest, func(k *check, d time.Duration) { k.retryDelay = d }),
		timer(path, "warmup", "the real server's", 0, math.MaxInt64, func(k *check, d time.Duration) { k.warmup = d }),
		timer(path, "delay_loop", "the real server's", time.Microsecond, math.MaxInt64, func(k *check, d time.Duration) { k.delayLoop = d }),
		boolean(path, "alpha", "the real server's", "Invalid alpha parameter %s", func(k *check, v bool) { k.alpha = global.SwitchOf(v) }),
		boolean(path, "log_all_failures", "checker_log_all_failures", "Invalid log_all_failures parameter %s", func(k *check, v bool) { k.log = global.SwitchOf(v) }),
	}
}

func smtpRows(path string) []cursor.Row[check] {
	host := block(line(path, "host", "{ ... }", 0, func(k *check, c *cursor.Cursor) {
		hostTable.Decode(k, c.Block(), c.Diags())
	}))
	rows := []cursor.Row[check]{
		doc("", "smtpchecker.keepalived.org", text[check](path, "helo_name", "<string>", "SMTP_CHECK helo name missing", nil)),
		insteadOf("connect_ip, connect_port", host),
	}
	return append(rows, connectionRows(path+"/host")...)
}

func dnsRows(path string) []cursor.Row[check] {
	types := []string{"A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"}
	return []cursor.Row[check]{
		doc(strings.Join(types, " "), "SOA", line(path, "type", "<type>", 1, func(_ *check, c *cursor.Cursor) {
			w, ok := c.Word()
			if ok && !slices.Contains(types, strings.ToUpper(w.Text)) {
				c.Errorf(w.Range, diag.BadValue, "Unknown DNS check type %s - ignoring", w.Text)
			}
		})),
		doc("", ".", line(path, "name", "<domain>", 1, func(*check, *cursor.Cursor) {})),
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
	return []cursor.Row[check]{
		script,
		number(path, "misc_timeout", "the virtual server's delay_loop", 0, math.MaxUint32/1_000_000, func(k *check, n int64) { k.misc.Timeout = time.Duration(n) * time.Second }),
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

func udpRows(path string) []cursor.Row[check] {
	hex := func(name, grammar, digits string, need bool) cursor.Row[check] {
		return line(path, name, grammar, 0, func(_ *check, c *cursor.Cursor) {
			if need && !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "UDP_CHECK %s requires a payload", name)
			}
			for w, ok := c.Next(); ok; w, ok = c.Next() {
				if strings.Trim(strings.ToLower(w.Text), digits) != "" {
					c.Errorf(w.Range, diag.BadValue, "Invalid hex string for UDP_CHECK %s", name)
					return
				}
			}
		})
	}
	return []cursor.Row[check]{
		hex("payload", "<hex>...", "0123456789abcdef", true),
		hex("require_reply", "[<hex with X for any digit>...]", "0123456789abcdefx", false),
		number[check](path, "min_reply_length", "0", 0, 65535, nil),
		number[check](path, "max_reply_length", "255", 0, 65535, nil),
	}
}

func bfdCheckRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		line(path, "name", "<bfd_instance>", 0, func(k *check, c *cursor.Cursor) {
			if c.Left() != 1 {
				c.Errorf(c.Range(), diag.BadValue, "(%s) BFD_CHECK - No or too many names specified - skipping checker", k.r.title())
				k.badName = true
				return
			}
			k.bfd, _ = c.Next()
			if !k.r.s.d.bfds[k.bfd.Text] {
				c.Errorf(k.bfd.Range, diag.NotFound, "(%s) BFD_CHECK - BFD %s not configured", k.r.title(), k.bfd.Text)
			}
		}),
		boolean[check](path, "alpha", "the real server's", "Invalid alpha parameter %s", nil),
	}
}

func finishBFD(k *check, c *cursor.Cursor) bool {
	if k.bfd.Text == "" && !k.badName {
		c.Errorf(c.Range(), diag.BadValue, "(%s) No name has been specified for BFD_CHECKER - skipping", k.r.title())
	}
	return true
}

func finishFile(k *check, c *cursor.Cursor) bool {
	if !k.file {
		c.Errorf(c.Range(), diag.BadValue, "FILE_CHECK has no track_file specified - ignoring")
	}
	return true
}

func fileCheckRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		line(path, "track_file", "<name>", 1, func(k *check, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			if !k.r.s.d.files[w.Text] {
				c.Errorf(w.Range, diag.NotFound, "track_file %s not found", w.Text)
				return
			}
			k.file = true
		}),
		doc("-2147483647..2147483647", "the file's", line(path, "weight", "<n> [reverse|noreverse]", 0, func(_ *check, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "track file weight missing")
			} else if _, ok := c.Int(-math.MaxInt32, math.MaxInt32); ok {
				readReverse(c, "reverse", "noreverse")
			}
		})),
	}
}
