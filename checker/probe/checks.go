package probe

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
)

// probe makes one TCP_CHECK, HTTP_GET or SSL_GET.
func (j *job) probe(ctx context.Context) health.Result {
	if j.kind == TCP {
		return connects(ctx, &j.target.Check.Connection)
	}
	return j.get(ctx)
}

// connects is TCP_CHECK. The connection is ended in good order (FIN), as 2.2.7 ends it:
// servers log a reset.
func connects(ctx context.Context, c *checkercfg.Connection) health.Result {
	to := netip.AddrPortFrom(c.Addr, c.Port)
	fd, stands, err := connect(c, to)
	if err != nil {
		return failed(err)
	}
	if stands {
		unix.Close(fd)
		return health.Result{OK: true}
	}
	k, err := adopt(ctx, fd, false, c, to)
	if err != nil {
		return failed(err)
	}
	k.Close()
	return health.Result{OK: true}
}

// get is one url of HTTP_GET and SSL_GET.
func (j *job) get(ctx context.Context) health.Result {
	c := j.target.Check
	u := &c.HTTP.URLs[int(j.step)%len(c.HTTP.URLs)]
	r := Request{Version: c.HTTP.Version, Path: u.Path, Host: u.VirtualHost, Digest: u.Digest != ""}
	if r.Host == "" {
		r.Host = c.HTTP.Host
	}
	name := r.Host
	if r.Host == "" {
		r.Host = HostPort(&c.Connection)
	}
	var secure *TLS
	if c.Kind == checkercfg.SSLGet {
		secure = j.target.TLS
		if secure == nil {
			secure = plainTLS
		}
	}
	switch {
	case !c.HTTP.SNI:
		name = ""
	case c.HTTP.SNIName != "":
		name = c.HTTP.SNIName
	}
	p, err := Fetch(ctx, &c.Connection, secure, name, &r)
	if err != nil {
		result := failed(err)
		result.Certificate = p.Certificate
		return result
	}
	return judge(u, &p)
}

// judge compares a page with what is wanted: the status first, as 2.2.7 does.
func judge(u *checkercfg.URL, p *Page) health.Result {
	r := health.Result{Code: int32(p.Status), Cause: health.CauseStatus, Certificate: p.Certificate}
	for _, c := range u.Codes {
		if p.Status >= int(c.First) && p.Status <= int(c.Last) {
			r.OK, r.Cause = true, health.CauseNone
		}
	}
	if r.OK && u.Digest != "" && u.Digest != hex.EncodeToString(p.Digest[:]) {
		r.OK, r.Cause = false, health.CauseDigest
	}
	return r
}

// HostPort is the Host header of a request without a virtual host: the port is always
// there, an IPv6 address stands in brackets.
func HostPort(c *checkercfg.Connection) string {
	return netip.AddrPortFrom(c.Addr.WithZone(""), c.Port).String()
}

func failed(err error) health.Result {
	var f *Failure
	if !errors.As(err, &f) {
		return health.Result{Cause: health.CauseLocal}
	}
	return health.Result{Cause: f.Cause}
}
