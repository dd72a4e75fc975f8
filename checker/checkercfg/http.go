package checkercfg

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func httpRows(path string) []cursor.Row[check] {
	rows := []cursor.Row[check]{
		text(path, "virtualhost", "<string>", "HTTP_GET virtualhost name missing", func(k *check, v string) { k.http.VirtualHost = v }),
		doc("", "1.0", optional(valued(path, "http_protocol", config.OneOf("1.0", "1.0C", "1.1"), func(k *check, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "Missing http_protocol version")
				return
			}
			if w, _ := c.Peek(); w.Text == "1.0c" {
				k.http.Version = HTTP10C
			} else if i, ok := c.Choice("Invalid http_protocol version %s"); ok {
				k.http.Version = Version(i)
			}
		}))),
		boolean(path, "fast_recovery", "off", "Invalid fast_recovery parameter %s", func(k *check, v bool) { k.http.FastRecovery = v }),
		boolean(path, "enable_sni", "off", "Invalid enable_sni parameter %s", func(k *check, v bool) { k.http.SNI = v }),
		since("2.2.8", doc("", "virtualhost", text(path, "sni_name", "<name>", "sni_name missing - ignoring", func(k *check, v string) { k.http.SNIName = v }))),
		effect(noTLSEnd, since("2.2.8", boolean(path, "tls_compliant", "off", "Invalid tls_compliant parameter %s", func(k *check, v bool) { k.http.TLSCompliant = v }))),
		insteadOf("retry", valued(path, "nb_get_retry", config.Whole(0, math.MaxUint32), func(k *check, c *cursor.Cursor) {
			c.Warnf(c.Range(), diag.Deprecated, "nb_get_retry is deprecated - please use 'retry'")
			if n, ok := c.Number(); ok {
				k.retry = n
			}
		})),
		block(line(path, "url", "{ ... }", 0, func(k *check, c *cursor.Cursor) {
			k.path, k.url, k.pattern = false, URL{TLSCompliant: k.http.TLSCompliant}, false
			k.regex = Regex{MinOffset: Unset, MaxOffset: Unset}
			urlTable.Decode(k, c.Block(), c.Diags())
			if !k.path {
				c.Errorf(c.Range(), diag.BadValue, "HTTP/SSL_GET checker url has no path - ignoring")
				return
			}
			if len(k.url.Codes) == 0 {
				k.url.Codes = []Codes{{200, 299}}
			}
			if k.pattern {
				found := k.regex
				k.url.Regex = &found
			}
			k.http.URLs = append(k.http.URLs, k.url)
		})),
	}
	return slices.Concat(rows, urlRows(path), regexRows(path+"/url"))
}

// finishHTTP: 2.2.7 crashes on a checker without an url.
func finishHTTP(k *check, c *cursor.Cursor) bool {
	if len(k.http.URLs) == 0 {
		c.Errorf(c.Range(), diag.BadValue, "HTTP/SSL_GET checker has no urls specified - ignoring")
		return false
	}
	return true
}

func urlRows(checker string) []cursor.Row[check] {
	path := checker + "/url"
	return []cursor.Row[check]{
		line(path, "path", "<path>[?<query>]", 1, func(k *check, c *cursor.Cursor) {
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
		effect(noTLSEnd, since("2.2.8", doc("", "the checker's", boolean(path, "tls_compliant", "off", "", func(k *check, v bool) { k.url.TLSCompliant = v })))),
	}
}
