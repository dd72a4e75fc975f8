package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/checker/probe"
)

// genhashOptions is what the command line of genhash asked for.
type genhashOptions struct {
	connection checkercfg.Connection
	request    probe.Request
	tls, sni   bool
	verbose    bool
	help       bool
}

// genhashTimeout is the time limit without -t. keepalived's genhash has none but TCP's.
const genhashTimeout = 5 * time.Second

// genhashTable is every option of genhash in the order of its --help.
var genhashTable = []option[genhashOptions]{
	{'S', "use-ssl", noArg, "", "use TLS; any certificate will do", func(o *genhashOptions, _ string, _ bool) error { o.tls = true; return nil }},
	{'I', "use-sni", noArg, "", "ask for the virtual host in the TLS handshake (see -V)", func(o *genhashOptions, _ string, _ bool) error { o.sni = true; return nil }},
	{'s', "server", needArg, "ADDRESS", "IP address of the server", setServer},
	{'p', "port", needArg, "PORT", "its port", setPort},
	{'u', "url", needArg, "PATH", "the page", func(o *genhashOptions, arg string, _ bool) error { o.request.Path = arg; return nil }},
	{'V', "use-virtualhost", needArg, "HOST", "the Host header (default: address and port)", func(o *genhashOptions, arg string, _ bool) error { o.request.Host = arg; return nil }},
	{'v', "verbose", noArg, "", "show header, body and digest", func(o *genhashOptions, _ string, _ bool) error { o.verbose = true; return nil }},
	{'h', "help", noArg, "", "print this text", func(o *genhashOptions, _ string, _ bool) error { o.help = true; return nil }},
	{'m', "fwmark", needArg, "MARK", "firewall mark of the packets", setMark},
	{'P', "protocol", needArg, "VERSION", "HTTP version: 1.0 (default), 1.0c (1.0 with Connection: close) or 1.1", setVersion},
	{'t', "timeout", needArg, "SECONDS", "limit for connecting and for each read (default 5)", setTimeout},
}

func setServer(o *genhashOptions, arg string, _ bool) error {
	a, err := netip.ParseAddr(arg)
	if err != nil || a.Zone() != "" {
		return usageError("server should be an IP, not " + arg)
	}
	o.connection.Addr = a.Unmap()
	return nil
}

func setPort(o *genhashOptions, arg string, _ bool) error {
	n, err := strconv.ParseUint(arg, 10, 16)
	if err != nil || n == 0 {
		return usageError(fmt.Sprintf("invalid port number '%s'", arg))
	}
	o.connection.Port = uint16(n)
	return nil
}

func setMark(o *genhashOptions, arg string, _ bool) error {
	n, err := strconv.ParseUint(arg, 10, 32)
	if err != nil {
		return usageError(fmt.Sprintf("invalid fwmark '%s'", arg))
	}
	o.connection.Mark = uint32(n)
	return nil
}

func setVersion(o *genhashOptions, arg string, _ bool) error {
	at := slices.Index([]string{"1.0", "1.0c", "1.1"}, strings.ToLower(arg))
	if at < 0 {
		return usageError(fmt.Sprintf("invalid HTTP protocol version '%s'", arg))
	}
	o.request.Version = []checkercfg.Version{checkercfg.HTTP10, checkercfg.HTTP10C, checkercfg.HTTP11}[at]
	return nil
}

func setTimeout(o *genhashOptions, arg string, _ bool) error {
	n, err := strconv.ParseUint(arg, 10, 31)
	if err != nil || n == 0 {
		return usageError(fmt.Sprintf("invalid timeout '%s'", arg))
	}
	o.connection.Timeout = time.Duration(n) * time.Second
	return nil
}

// genhashWord is the index of the word that makes genhash of the program, -1 when it is
// not meant: that of its own name or that of --genhash.
func genhashWord(argv []string) int {
	if filepath.Base(argv[0]) == "genhash" {
		return 0
	}
	for i, a := range argv[1:] {
		switch a {
		case "--genhash", "-T":
			return i + 1
		case "--":
			return -1
		}
	}
	return -1
}

// genhash prints the digest that a url of HTTP_GET or SSL_GET would have to have. It is
// made of the same answer by the same client as the checker's.
func genhash(argv []string, at int, out, diag io.Writer) int {
	program := filepath.Base(argv[0])
	if at > 0 {
		program += " --genhash"
	}
	if at > 1 {
		fmt.Fprintln(diag, "Warning -- `genhash` not used as first option, previous options ignored")
	}
	o := genhashOptions{connection: checkercfg.Connection{Timeout: genhashTimeout}, request: probe.Request{Digest: true}}
	rest, err := parseArgs(genhashTable, argv[at+1:], &o)
	switch {
	case err == nil && o.help:
		genhashUsage(diag, program)
		return exitOK
	case err == nil && len(rest) > 0:
		err = usageError("Unexpected argument(s): " + strings.Join(rest, " "))
	case err == nil && !o.connection.Addr.IsValid():
		err = usageError("no server: -s is missing")
	case err == nil && o.connection.Port == 0:
		err = usageError("no port: -p is missing")
	case err == nil && o.request.Path == "":
		err = usageError("no page: -u is missing")
	}
	if err != nil {
		fmt.Fprintln(diag, err)
		genhashUsage(diag, program)
		return exitFatal
	}
	w := bufio.NewWriter(out)
	err = o.run(w)
	if err2 := w.Flush(); err == nil {
		err = err2
	}
	if err != nil {
		fmt.Fprintln(diag, genhashFailure(err))
		return exitFatal
	}
	return exitOK
}

func genhashUsage(w io.Writer, program string) {
	fmt.Fprintf(w, "Usage: %s [OPTION...] -s ADDRESS -p PORT -u PATH\n", program)
	fmt.Fprintf(w, "Print the MD5 of a page, for the digest of a url of HTTP_GET or SSL_GET.\n\n")
	writeOptions(w, genhashTable)
}

// run asks for the page and prints what is wanted of it.
func (o *genhashOptions) run(w *bufio.Writer) error {
	var secure *probe.TLS
	if o.tls {
		var err error
		if secure, err = probe.LoadTLS(&checkercfg.SSL{}); err != nil {
			return err
		}
	}
	sni := ""
	if o.sni {
		sni = o.request.Host
	}
	if o.request.Host == "" {
		o.request.Host = probe.HostPort(&o.connection)
	}
	if o.verbose {
		o.request.Watch = &pageDump{w: w}
	}
	began := time.Now()
	p, err := probe.Fetch(context.Background(), &o.connection, secure, sni, &o.request)
	if err != nil {
		return err
	}
	if !o.verbose {
		_, err := fmt.Fprintln(w, hex.EncodeToString(p.Digest[:]))
		return err
	}
	fmt.Fprintf(w, "\n%s", rule("   HTML hash resulting   "))
	hexDump(w, p.Digest[:])
	fmt.Fprintf(w, "%s%x\n\n", rule("HTML hash final resulting"), p.Digest)
	_, err = fmt.Fprintf(w, "Global response time for [%s] = %d usecs\n", o.request.Path, time.Since(began).Microseconds())
	return err
}

// genhashFailure is keepalived's line for a failure with what is behind it.
func genhashFailure(err error) string {
	text := map[health.Cause]string{
		health.CauseRefused: "Connection failed", health.CauseTimeout: "Timeout connecting", health.CauseReadTimeout: "Timeout WEB read",
		health.CauseTLS: "SSL handshake failed", health.CauseRead: "no data received from remote webserver",
		health.CauseUnreachable: "Connection failed", health.CauseStalled: "Timeout WEB read",
		health.CauseNoAnswer: "no data received from remote webserver",
		health.CauseReset:    "no data received from remote webserver", health.CauseHandshakeReset: "SSL handshake failed",
	}
	var f *probe.Failure
	if errors.As(err, &f) && text[f.Cause] != "" {
		return text[f.Cause] + ": " + err.Error()
	}
	return err.Error()
}

// pageDump shows an answer as it comes (-v), in the layout of keepalived's genhash.
type pageDump struct {
	w    io.Writer
	body bool // has begun
}

// Header implements probe.Watcher.
func (d *pageDump) Header(b []byte) {
	io.WriteString(d.w, rule("   HTTP Header Buffer   "))
	hexDump(d.w, b)
	fmt.Fprintf(d.w, "%s%s\n", rule("HTTP Header Ascii Buffer"), b)
}

// Body implements probe.Watcher. Every part is counted from 0.
func (d *pageDump) Body(b []byte) {
	if !d.body {
		d.body = true
		io.WriteString(d.w, rule("       HTML Buffer       "))
	}
	hexDump(d.w, b)
}

func rule(title string) string {
	const dashes = "-----------------------"
	return dashes + "[ " + title + " ]" + dashes + "\n"
}

// hexDump writes 16 octets a line: offset, numbers, characters.
func hexDump(w io.Writer, b []byte) {
	for at := 0; at < len(b); at += 16 {
		line := b[at:min(at+16, len(b))]
		numbers, signs := "", ""
		for i := range 16 {
			if i == 8 {
				numbers += "- "
			}
			if i >= len(line) {
				numbers, signs = numbers+"   ", signs+" "
				continue
			}
			numbers += fmt.Sprintf("%02x ", line[i])
			if line[i] < ' ' || line[i] > '~' {
				signs += "."
			} else {
				signs += string(rune(line[i]))
			}
		}
		fmt.Fprintf(w, "%04d  %s  %s\n", at, numbers, signs)
	}
}
