package checkercfg

import (
	"math"
	"strconv"
	"strings"

	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func httpRows(path string) []cursor.Row[check] {
	rows := []cursor.Row[check]{
		text(path, "virtualhost", "<string>", "HTTP_GET virtualhost name missing", func(k *check, v string) { k.http.VirtualHost = v }),
		doc("1.0 1.0C 1.1", "1.0", line(path, "http_protocol", "<version>", 0, func(k *check, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "Missing http_protocol version")
				return
			}
			if i, ok := c.Enum("Invalid http_protocol version %s", "1.0", "1.0C", "1.0c", "1.1"); ok {
				k.http.Version = []Version{HTTP10, HTTP10C, HTTP10C, HTTP11}[i]
			}
		})),
		boolean(path, "fast_recovery", "off", "Invalid fast_recovery parameter %s", func(k *check, v bool) { k.http.FastRecovery = v }),
		boolean(path, "enable_sni", "off", "Invalid enable_sni parameter %s", func(k *check, v bool) { k.http.SNI = v }),
		insteadOf("retry", line(path, "nb_get_retry", "<n>", 1, func(k *check, c *cursor.Cursor) {
			c.Warnf(c.Range(), diag.Deprecated, "nb_get_retry is deprecated - please use 'retry'")
			if n, ok := c.Int(0, math.MaxUint32); ok {
				k.retry = n
			}
		})),
		block(line(path, "url", "{ ... }", 0, func(k *check, c *cursor.Cursor) {
			k.path, k.url = false, URL{}
			urlTable.Decode(k, c.Block(), c.Diags())
			if !k.path {
				c.Errorf(c.Range(), diag.BadValue, "HTTP/SSL_GET checker url has no path - ignoring")
				return
			}
			if len(k.url.Codes) == 0 {
				k.url.Codes = []Codes{{200, 299}}
			}
			k.http.URLs = append(k.http.URLs, k.url)
		})),
	}
	return append(rows, urlRows(path)...)
}

// finishHTTP: 2.2.7 crashes on a checker without an url.
func finishHTTP(k *check, c *cursor.Cursor) bool {
	if len(k.http.URLs) == 0 {
		c.Errorf(c.Range(), diag.BadValue, "HTTP/SSL_GET checker has no urls specified - ignoring")
		return false
	}
	return true
}

// regexOptions are the words of regex_options.
const regexOptions = "allow_empty_class alt_bsux auto_callout caseless dollar_endonly dotall dupnames extended firstline " +
	"match_unset_backref multiline never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize " +
	"ucp ungreedy utf never_backslash_c alt_circumflex alt_verbnames use_offset_limit"

func urlRows(checker string) []cursor.Row[check] {
	path := checker + "/url"
	regex := effect(noRegex, line(path, "regex", "<quoted string>", 0, func(*check, *cursor.Cursor) {}))
	regex.Script = true
	free := func(name, grammar string) cursor.Row[check] {
		return effect(noRegex, line(path, name, grammar, 0, func(*check, *cursor.Cursor) {}))
	}
	return []cursor.Row[check]{
		line(path, "path", "<string>", 1, func(k *check, c *cursor.Cursor) {
			w, _ := c.Next()
			k.path, k.url.Path = true, w.Text
		}),
		doc("32 hexadecimal digits", "none", line(path, "digest", "<MD5 of the body>", 1, func(k *check, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			if len(w.Text) != 32 {
				c.Errorf(w.Range, diag.BadValue, "digest '%s' character length should be 32 rather than %d", w.Text, len(w.Text))
			} else if strings.Trim(strings.ToLower(w.Text), "0123456789abcdef") != "" {
				c.Errorf(w.Range, diag.BadValue, "digest '%s' must be hexadecimal", w.Text)
			} else {
				k.url.Digest = strings.ToLower(w.Text)
			}
		})),
		doc("100..599", "200-299", line(path, "status_code", "<n>[-<n>]...", 0, func(k *check, c *cursor.Cursor) {
			for w, ok := c.Next(); ok; w, ok = c.Next() {
				low, high, ranged := strings.Cut(w.Text, "-")
				if !ranged {
					high = low
				}
				l, err1 := strconv.Atoi(low)
				h, err2 := strconv.Atoi(high)
				if err1 != nil || err2 != nil || l < 100 || h > 599 || l > h {
					c.Errorf(w.Range, diag.BadNumber, "Invalid HTTP_GET status code '%s'", w.Text)
					continue
				}
				k.url.Codes = append(k.url.Codes, Codes{uint16(l), uint16(h)})
			}
		})),
		text(path, "virtualhost", "<string>", "Missing HTTP_GET virtualhost name", func(k *check, v string) { k.url.VirtualHost = v }),
		since("2.2.8", boolean[check](path, "tls_compliant", "off", "", nil)),
		regex,
		free("regex_no_match", ""),
		doc(regexOptions, "", free("regex_options", "<name>...")),
		free("regex_min_offset", "<n>"), free("regex_max_offset", "<n>"), free("regex_stack", "<start> <max>"),
	}
}
