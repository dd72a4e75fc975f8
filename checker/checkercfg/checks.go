package checkercfg

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// check is a checker under construction.
type check struct {
	r       *server
	urls    int
	path    bool // of the url that is being read
	script  *cursor.Script
	bfd     config.Word
	badName bool
	file    bool
}

// kind is one type of checker.
type kind struct {
	config.Keyword
	rows   func() []cursor.Row[check]
	finish func(k *check, c *cursor.Cursor)
}

func checkKinds() []kind {
	of := func(name string, rows func(path string) []cursor.Row[check], finish func(*check, *cursor.Cursor)) kind {
		return kind{
			Keyword: config.Keyword{Path: serverPath, Name: name, Kind: config.Block, Grammar: "{ ... }"},
			rows:    func() []cursor.Row[check] { return rows(serverPath + "/" + name) },
			finish:  finish,
		}
	}
	none := func(string) []cursor.Row[check] { return nil }
	connected := func(own func(string) []cursor.Row[check]) func(string) []cursor.Row[check] {
		return func(path string) []cursor.Row[check] {
			return slices.Concat(connectionRows(path), scheduleRows(path), own(path))
		}
	}
	return []kind{
		of("TCP_CHECK", connected(none), nil),
		of("HTTP_GET", connected(httpRows), finishHTTP),
		of("SSL_GET", connected(httpRows), finishHTTP),
		of("SMTP_CHECK", connected(smtpRows), nil),
		of("DNS_CHECK", connected(dnsRows), nil),
		of("MISC_CHECK", func(path string) []cursor.Row[check] { return append(scheduleRows(path), miscRows(path)...) }, finishMisc),
		of("UDP_CHECK", connected(udpRows), nil),
		of("PING_CHECK", connected(none), nil),
		of("BFD_CHECK", bfdCheckRows, finishBFD),
		of("FILE_CHECK", fileCheckRows, func(k *check, c *cursor.Cursor) {
			if !k.file {
				c.Errorf(c.Range(), diag.BadValue, "FILE_CHECK has no track_file specified - ignoring")
			}
		}),
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
	state := check{r: r}
	checkTables[k.Name].Decode(&state, c.Block(), c.Diags())
	if k.finish != nil {
		k.finish(&state, c)
	}
}

// connectionRows are those of checkers that open a connection.
func connectionRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		address[check](path, "connect_ip", "the real server's"),
		number[check](path, "connect_port", "the real server's", 1, 65535),
		address[check](path, "bindto", "none"),
		number[check](path, "bind_port", "none", 1, 65535),
		line(path, "bind_if", "<if>", 1, func(*check, *cursor.Cursor) {}),
		timer[check](path, "connect_timeout", "the real server's", time.Microsecond, longest),
		number[check](path, "fwmark", "0", 0, math.MaxUint32),
	}
}

// scheduleRows are those of checkers that run again and again.
func scheduleRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		number[check](path, "retry", "the real server's, else 1 (DNS_CHECK 3, MISC_CHECK 0)", 0, math.MaxUint32),
		timer[check](path, "delay_before_retry", "the real server's, else 1 (HTTP_GET and SSL_GET 3)", 0, longest),
		timer[check](path, "warmup", "the real server's", 0, math.MaxInt64),
		timer[check](path, "delay_loop", "the real server's", time.Microsecond, math.MaxInt64),
		boolean[check](path, "alpha", "the real server's", "Invalid alpha parameter %s"),
		boolean[check](path, "log_all_failures", "checker_log_all_failures", "Invalid log_all_failures parameter %s"),
	}
}

func httpRows(path string) []cursor.Row[check] {
	rows := []cursor.Row[check]{
		text[check](path, "virtualhost", "<string>", "HTTP_GET virtualhost name missing"),
		doc("1.0 1.0C 1.1", "1.0", line(path, "http_protocol", "<version>", 0, func(_ *check, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "Missing http_protocol version")
				return
			}
			c.Enum("Invalid http_protocol version %s", "1.0", "1.0C", "1.0c", "1.1")
		})),
		boolean[check](path, "fast_recovery", "off", "Invalid fast_recovery parameter %s"),
		boolean[check](path, "enable_sni", "off", "Invalid enable_sni parameter %s"),
		insteadOf("retry", line(path, "nb_get_retry", "<n>", 1, func(_ *check, c *cursor.Cursor) {
			c.Warnf(c.Range(), diag.Deprecated, "nb_get_retry is deprecated - please use 'retry'")
			c.Int(0, math.MaxUint32)
		})),
		block(line(path, "url", "{ ... }", 0, func(k *check, c *cursor.Cursor) {
			k.path = false
			urlTable.Decode(k, c.Block(), c.Diags())
			if !k.path {
				c.Errorf(c.Range(), diag.BadValue, "HTTP/SSL_GET checker url has no path - ignoring")
				return
			}
			k.urls++
		})),
	}
	return append(rows, urlRows(path)...)
}

// finishHTTP: 2.2.7 crashes on a checker without an url.
func finishHTTP(k *check, c *cursor.Cursor) {
	if k.urls == 0 {
		c.Errorf(c.Range(), diag.BadValue, "HTTP/SSL_GET checker has no urls specified - ignoring")
	}
}

// regexOptions are the words of regex_options.
const regexOptions = "allow_empty_class alt_bsux auto_callout caseless dollar_endonly dotall dupnames extended firstline " +
	"match_unset_backref multiline never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize " +
	"ucp ungreedy utf never_backslash_c alt_circumflex alt_verbnames use_offset_limit"

func urlRows(checker string) []cursor.Row[check] {
	path := checker + "/url"
	regex := line(path, "regex", "<quoted string>", 0, func(*check, *cursor.Cursor) {})
	regex.Script = true
	free := func(name, grammar string) cursor.Row[check] {
		return line(path, name, grammar, 0, func(*check, *cursor.Cursor) {})
	}
	return []cursor.Row[check]{
		line(path, "path", "<string>", 1, func(k *check, _ *cursor.Cursor) { k.path = true }),
		doc("32 hexadecimal digits", "none", line(path, "digest", "<MD5 of the body>", 1, func(_ *check, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			if len(w.Text) != 32 {
				c.Errorf(w.Range, diag.BadValue, "digest '%s' character length should be 32 rather than %d", w.Text, len(w.Text))
			} else if strings.Trim(strings.ToLower(w.Text), "0123456789abcdef") != "" {
				c.Errorf(w.Range, diag.BadValue, "digest '%s' must be hexadecimal", w.Text)
			}
		})),
		doc("100..599", "200-299", line(path, "status_code", "<n>[-<n>]...", 0, func(_ *check, c *cursor.Cursor) {
			for w, ok := c.Next(); ok; w, ok = c.Next() {
				low, high, ranged := strings.Cut(w.Text, "-")
				if !ranged {
					high = low
				}
				l, err1 := strconv.Atoi(low)
				h, err2 := strconv.Atoi(high)
				if err1 != nil || err2 != nil || l < 100 || h > 599 || l > h {
					c.Errorf(w.Range, diag.BadNumber, "Invalid HTTP_GET status code '%s'", w.Text)
				}
			}
		})),
		text[check](path, "virtualhost", "<string>", "Missing HTTP_GET virtualhost name"),
		since("2.2.8", boolean[check](path, "tls_compliant", "off", "")),
		regex,
		free("regex_no_match", ""),
		doc(regexOptions, "", free("regex_options", "<name>...")),
		free("regex_min_offset", "<n>"), free("regex_max_offset", "<n>"), free("regex_stack", "<start> <max>"),
	}
}

func smtpRows(path string) []cursor.Row[check] {
	host := block(line(path, "host", "{ ... }", 0, func(k *check, c *cursor.Cursor) {
		hostTable.Decode(k, c.Block(), c.Diags())
	}))
	rows := []cursor.Row[check]{
		doc("", "smtpchecker.keepalived.org", text[check](path, "helo_name", "<string>", "SMTP_CHECK helo name missing")),
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
			k.script = s
		}
	})
	script.Script = true
	return []cursor.Row[check]{
		script,
		number[check](path, "misc_timeout", "the virtual server's delay_loop", 0, math.MaxUint32/1_000_000),
		flag[check](path, "misc_dynamic"),
		line(path, "user", "<user> [[:]<group>]", 0, func(k *check, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "No user specified for misc checker script")
			} else if k.script != nil {
				k.script.SetUser(c.Rest())
			}
		}),
	}
}

func finishMisc(k *check, c *cursor.Cursor) {
	if k.script == nil {
		c.Errorf(c.Range(), diag.BadValue, "No script path has been specified for MISC_CHECKER - skipping")
		return
	}
	d := k.r.s.d
	d.scripts = append(d.scripts, cursor.ScriptUse{Kind: cursor.CheckScript, Owner: k.r.title(k.r.s), Script: k.script})
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
		number[check](path, "min_reply_length", "0", 0, 65535),
		number[check](path, "max_reply_length", "255", 0, 65535),
	}
}

func bfdCheckRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		line(path, "name", "<bfd_instance>", 0, func(k *check, c *cursor.Cursor) {
			if c.Left() != 1 {
				c.Errorf(c.Range(), diag.BadValue, "(%s) BFD_CHECK - No or too many names specified - skipping checker", k.r.title(k.r.s))
				k.badName = true
				return
			}
			k.bfd, _ = c.Next()
			if !k.r.s.d.bfds[k.bfd.Text] {
				c.Errorf(k.bfd.Range, diag.NotFound, "(%s) BFD_CHECK - BFD %s not configured", k.r.title(k.r.s), k.bfd.Text)
			}
		}),
		boolean[check](path, "alpha", "the real server's", "Invalid alpha parameter %s"),
	}
}

func finishBFD(k *check, c *cursor.Cursor) {
	if k.bfd.Text == "" && !k.badName {
		c.Errorf(c.Range(), diag.BadValue, "(%s) No name has been specified for BFD_CHECKER - skipping", k.r.title(k.r.s))
	}
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
