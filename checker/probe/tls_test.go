//go:debug tlssha1=1
//go:debug rsa1024min=0
//go:debug x509negativeserial=1
package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/test/netlab"
)

// sServer runs openssl s_server, which answers every request with its own page.
func sServer(t *testing.T, cert, key string, options ...string) netip.AddrPort {
	t.Helper()
	at := unused(t)
	args := []string{"s_server", "-www", "-accept", at.String(), "-cert", cert, "-key", key}
	daemon(t, at, "openssl", append(args, options...)...)
	return at
}

// TestSelfSigned: everything that a server may still speak. 2.2.7 on Debian 12 accepts
// the certificates, but nothing below TLS 1.2, which OpenSSL's security level refuses.
func TestSelfSigned(t *testing.T) {
	netlab.Need(t, "cmd:openssl")
	for _, c := range []struct {
		name    string
		cert    []string
		options []string
	}{
		{name: "TLS 1.0", options: []string{"-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"}},
		{name: "TLS 1.1", options: []string{"-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"}},
		{name: "TLS 1.2", options: []string{"-tls1_2"}},
		{name: "TLS 1.3", options: []string{"-tls1_3"}},
		{name: "RSA", cert: []string{"-newkey", "rsa:2048"}},
		{name: "RSA, TLS 1.0", cert: []string{"-newkey", "rsa:2048"}, options: []string{"-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"}},
		{name: "RSA key exchange", cert: []string{"-newkey", "rsa:2048"}, options: []string{"-tls1_2", "-cipher", "AES256-SHA:@SECLEVEL=0"}},
		{name: "RSA of 512 bits", cert: []string{"-newkey", "rsa:512"}, options: []string{"-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"}},
		{name: "signed with SHA-1", cert: []string{"-newkey", "rsa:1024", "-sha1"}, options: []string{"-cipher", "DEFAULT:@SECLEVEL=0"}},
		{name: "signature with SHA-1", cert: []string{"-newkey", "rsa:2048"}, options: []string{"-tls1_2", "-cipher", "DEFAULT:@SECLEVEL=0", "-sigalgs", "RSA+SHA1"}},
		{name: "negative serial number", cert: []string{"-newkey", "rsa:2048", "-set_serial", "-5"}},
		{name: "Ed25519", cert: []string{"-newkey", "ed25519"}},
		{name: "P-521", cert: []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp521r1"}, options: []string{"-named_curve", "P-521"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cert, key := pair(t, c.cert...)
			at := sServer(t, cert, key, c.options...)
			if f := one(t, get(at, "/", true)); !f.OK {
				t.Errorf("%v", f)
				_, err := Fetch(t.Context(), &get(at, "/", true).Check.Connection, plainTLS, "", &Request{Path: "/"})
				t.Log(err)
			}
		})
	}
}

// TestExpired: a certificate is looked at only with a CA.
func TestExpired(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	past := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(1, 0), NotAfter: time.Unix(2, 0)}
	der, err := x509.CreateCertificate(rand.Reader, past, past, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	l := tls.NewListener(listen(t, "127.0.0.1:0"), &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	s := serve(t, l, send("HTTP/1.0 200 OK\r\n\r\n"))
	if f := one(t, get(s.at, "/", true)); !f.OK {
		t.Errorf("%v", f)
	}
}

// TestOnlyFiniteFieldDH: crypto/tls has no DHE. A server that offers nothing else cannot
// be probed.
func TestOnlyFiniteFieldDH(t *testing.T) {
	netlab.Need(t, "cmd:openssl")
	cert, key := pair(t, "-newkey", "rsa:2048")
	at := sServer(t, cert, key, "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384")
	if f := one(t, get(at, "/", true)); f.OK || f.Cause != health.CauseTLS {
		t.Errorf("%v: if it works now, the ledger is wrong", f)
	}
}

// TestNoTLS: a server that speaks something else.
func TestNoTLS(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "220 mail.example.org ESMTP\r\n")
			c.Close()
		}
	}()
	if f := one(t, get(port(l), "/", true)); f.OK || f.Cause != health.CauseTLS {
		t.Errorf("%v", f)
	}
}

// TestCA: every certificate is accepted, and with a ca it is told who has signed it,
// whatever its name is.
func TestCA(t *testing.T) {
	netlab.Need(t, "cmd:openssl")
	dir := t.TempDir()
	ca, caKey := pair(t)
	other, _ := pair(t)
	request, cert, key := filepath.Join(dir, "csr"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	command(t, "openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=another name")
	command(t, "openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", caKey, "-out", cert, "-days", "2", "-set_serial", "7")
	at := sServer(t, cert, key)
	for file, want := range map[string]health.Certificate{"": health.CertificateUnasked, ca: health.CertificateSigned, other: health.CertificateUnsigned} {
		target := get(at, "/", true)
		var err error
		if target.TLS, err = LoadTLS(&checkercfg.SSL{CA: file}); err != nil {
			t.Fatal(err)
		}
		if f := one(t, target); !f.OK || f.Certificate != want {
			t.Errorf("with ca %q (the signer is %s): %v, certificate %d, want good, %d", file, ca, f, f.Certificate, want)
		}
		target.Check.HTTP.URLs[0].Codes = []checkercfg.Codes{{First: 404, Last: 404}}
		if f := one(t, target); f.OK || f.Certificate != want {
			t.Errorf("a bad page with ca %q: %v, certificate %d, want %d", file, f, f.Certificate, want)
		}
	}
}

// TestUnreadableCA: what else the block names works all the same.
func TestUnreadableCA(t *testing.T) {
	netlab.Need(t, "cmd:openssl")
	cert, key := pair(t)
	c, err := LoadTLS(&checkercfg.SSL{Certificate: cert, Key: key, CA: filepath.Join(t.TempDir(), "gone")})
	if err == nil || len(c.config.Certificates) != 1 || c.roots != nil {
		t.Errorf("%d certificates, roots %v, %v", len(c.config.Certificates), c.roots, err)
	}
	c, err = LoadTLS(&checkercfg.SSL{Certificate: cert, Key: cert, CA: cert})
	if err == nil || len(c.config.Certificates) != 0 || c.roots == nil {
		t.Errorf("%d certificates, roots %v, %v", len(c.config.Certificates), c.roots, err)
	}
}

// TestSameTLS: what two readings of an SSL block have found is the same or not.
func TestSameTLS(t *testing.T) {
	netlab.Need(t, "cmd:openssl")
	cert, key := pair(t)
	cert2, key2 := pair(t)
	blocks := []checkercfg.SSL{{}, {Certificate: cert, Key: key}, {Certificate: cert2, Key: key2}, {CA: cert}, {CA: cert2}, {Certificate: cert, Key: key, CA: cert}}
	load := func(s checkercfg.SSL) *TLS {
		c, err := LoadTLS(&s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for i, a := range blocks {
		for k, b := range blocks {
			if got := load(a).Same(load(b)); got != (i == k) {
				t.Errorf("%+v and %+v: the same %v", a, b, got)
			}
		}
	}
}

// TestClientCertificate: the key may be encrypted in either of the forms that OpenSSL
// writes.
func TestClientCertificate(t *testing.T) {
	netlab.Need(t, "cmd:openssl")
	cert, key := pair(t)
	rsaCert, rsaKey := pair(t, "-newkey", "rsa:2048")
	at := sServer(t, cert, key, "-Verify", "1", "-verify_return_error", "-CAfile", rsaCert)
	if f := one(t, get(at, "/", true)); f.OK {
		t.Error("no certificate is asked for: this test tests nothing")
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	command(t, "openssl", "pkcs8", "-topk8", "-in", rsaKey, "-out", file("pkcs8"), "-passout", "pass:secret")
	command(t, "openssl", "pkcs8", "-topk8", "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1", "-in", rsaKey, "-out", file("sha1"), "-passout", "pass:secret")
	command(t, "openssl", "pkcs8", "-topk8", "-v2", "des3", "-v2prf", "hmacWithSHA512", "-in", rsaKey, "-out", file("des3"), "-passout", "pass:secret")
	command(t, "openssl", "rsa", "-traditional", "-aes256", "-in", rsaKey, "-out", file("old"), "-passout", "pass:secret")
	both := file("both")
	join(t, both, rsaCert, file("pkcs8"))
	for _, s := range []checkercfg.SSL{
		{Certificate: rsaCert, Key: rsaKey},
		{Certificate: rsaCert, Key: file("pkcs8"), Password: "secret"},
		{Certificate: rsaCert, Key: file("sha1"), Password: "secret"},
		{Certificate: rsaCert, Key: file("des3"), Password: "secret"},
		{Certificate: rsaCert, Key: file("old"), Password: "secret"},
		{Certificate: both, Key: both, Password: "secret"},
		{Certificate: both, Password: "secret"},
	} {
		target := get(at, "/", true)
		var err error
		if target.TLS, err = LoadTLS(&s); err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		if f := one(t, target); !f.OK {
			t.Errorf("%+v: %v", s, f)
		}
	}
	for _, c := range []struct {
		ssl  checkercfg.SSL
		want string
	}{
		{checkercfg.SSL{Certificate: rsaCert, Key: file("pkcs8"), Password: "wrong"}, "password"},
		{checkercfg.SSL{Certificate: rsaCert, Key: file("old"), Password: "wrong"}, "password"},
		{checkercfg.SSL{Certificate: rsaCert, Key: key}, "does not match"},
		{checkercfg.SSL{Certificate: rsaCert, Key: file("gone")}, "no such file"},
		{checkercfg.SSL{CA: file("gone")}, "no such file"},
		{checkercfg.SSL{CA: rsaKey}, "no certificate"},
	} {
		if _, err := LoadTLS(&c.ssl); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want something about %q", c.ssl, err, c.want)
		} else if c.ssl.Password != "" && strings.Contains(err.Error(), c.ssl.Password+" ") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func join(t *testing.T, to string, from ...string) {
	t.Helper()
	var all []byte
	for _, name := range from {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if err := os.WriteFile(to, all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSNI: the name is sni_name, else the virtual host (2.2.7), else none is sent.
func TestSNI(t *testing.T) {
	netlab.Need(t, "cmd:openssl")
	names := make(chan string, 8)
	l := secure(t, listen(t, "127.0.0.1:0"), &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		names <- h.ServerName
		return nil, nil
	}})
	s := serve(t, l, send("HTTP/1.0 200 OK\r\n\r\n"))
	for _, c := range []struct {
		set  func(*checkercfg.HTTP)
		want string
	}{
		{func(h *checkercfg.HTTP) { h.Host = "www.example.org" }, ""},
		{func(h *checkercfg.HTTP) { h.SNI = true }, ""},
		{func(h *checkercfg.HTTP) { h.SNI, h.Host = true, "www.example.org" }, "www.example.org"},
		{func(h *checkercfg.HTTP) { h.SNI, h.Host, h.URLs[0].VirtualHost = true, "x", "url.example.org" }, "url.example.org"},
		{func(h *checkercfg.HTTP) { h.SNI, h.Host, h.SNIName = true, "x", "sni.example.org" }, "sni.example.org"},
	} {
		target := get(s.at, "/", true)
		c.set(target.Check.HTTP)
		f := one(t, target)
		if got := <-names; !f.OK || got != c.want {
			t.Errorf("%v, asked for %q, want %q", f, got, c.want)
		}
	}
}

// TestNoCloseNotify: a server that just closes is good, with and without a digest, as
// with 2.2.7.
func TestNoCloseNotify(t *testing.T) {
	netlab.Need(t, "cmd:openssl")
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS12, tls.VersionTLS13} {
		l := secure(t, listen(t, "127.0.0.1:0"), &tls.Config{MinVersion: version, MaxVersion: version})
		s := serve(t, l, func(_ string, c net.Conn) {
			fmt.Fprint(c, "HTTP/1.0 200 OK\r\n\r\nhello\n")
			c.(*tls.Conn).NetConn().Close()
		})
		target := get(s.at, "/", true)
		target.Check.HTTP.URLs[0].Digest = helloDigest
		if f := one(t, target); !f.OK {
			t.Errorf("version %x: %v", version, f)
		}
	}
}

// TestNginx: a server of the field, over both protocols, in every version of HTTP.
func TestNginx(t *testing.T) {
	netlab.Need(t, "cmd:openssl", "cmd:nginx")
	dir := t.TempDir()
	cert, key := pair(t)
	plain, safe := unused(t), unused(t)
	page := strings.Repeat("a page of nginx\n", 1000)
	for name, text := range map[string]string{"page": page, "hello": "hello\n", "nginx.conf": fmt.Sprintf(`
daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/t; proxy_temp_path %[1]s/t; fastcgi_temp_path %[1]s/t; uwsgi_temp_path %[1]s/t; scgi_temp_path %[1]s/t;
	server { listen %[2]s; listen %[3]s ssl; root %[1]s; ssl_certificate %[4]s; ssl_certificate_key %[5]s; }
}`, dir, plain, safe, cert, key)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	daemon(t, plain, "nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	for _, version := range []checkercfg.Version{checkercfg.HTTP10, checkercfg.HTTP10C, checkercfg.HTTP11} {
		for _, secure := range []bool{false, true} {
			for path, digest := range map[string]string{"/hello": helloDigest, "/page": "10145f031f1b23d82e22dee7a010f5df"} {
				at := plain
				if secure {
					at = safe
				}
				target := get(at, path, secure)
				target.Check.HTTP.Version = version
				target.Check.HTTP.URLs[0].Digest = digest
				f := one(t, target)
				if !f.OK {
					t.Errorf("HTTP %v, TLS %v, %s: %v", version, secure, path, f)
				}
				if f.took > 2*time.Second {
					t.Errorf("HTTP %v, TLS %v, %s took %v", version, secure, path, f.took)
				}
			}
		}
	}
	if f := one(t, get(plain, "/gone", false)); f.OK || f.Code != 404 {
		t.Errorf("%v", f)
	}
}

func TestBusybox(t *testing.T) {
	netlab.Need(t, "cmd:busybox")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hello"), []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	at := unused(t)
	daemon(t, at, "busybox", "httpd", "-f", "-p", "127.0.0.1:"+strconv.Itoa(int(at.Port())), "-h", dir)
	target := get(at, "/hello", false)
	target.Check.HTTP.URLs[0].Digest = helloDigest
	if f := one(t, target); !f.OK {
		t.Errorf("%v", f)
	}
}
