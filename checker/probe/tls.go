package probe

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
)

// TLS is how SSL_GET shows itself and what it accepts: one for a configuration.
type TLS struct {
	config *tls.Config
	roots  *x509.CertPool // of the ca; nil: nobody asks who signed a certificate
}

// plainTLS shows nothing and accepts everything.
var plainTLS = &TLS{config: tlsConfig()}

// tlsConfig accepts whatever a server may have that is to be watched, not trusted: old
// versions, ciphers nobody should use, any certificate.
func tlsConfig() *tls.Config {
	c := &tls.Config{
		MinVersion:         tls.VersionTLS10,
		InsecureSkipVerify: true,
		Renegotiation:      tls.RenegotiateFreelyAsClient,
		// The hybrid exchange that Go would add makes the first packet three times as
		// long and protects nothing here.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
	}
	for _, s := range tls.CipherSuites() {
		c.CipherSuites = append(c.CipherSuites, s.ID)
	}
	for _, s := range tls.InsecureCipherSuites() {
		c.CipherSuites = append(c.CipherSuites, s.ID)
	}
	return c
}

// LoadTLS reads what an SSL block names. What cannot be read is left out and is an error;
// the TLS is usable all the same.
func LoadTLS(s *checkercfg.SSL) (*TLS, error) {
	t := &TLS{config: tlsConfig()}
	var noPair, noRoots error
	if s.Certificate != "" || s.Key != "" {
		var pair tls.Certificate
		if pair, noPair = loadPair(s); noPair == nil {
			t.config.Certificates = []tls.Certificate{pair}
		} else {
			noPair = fmt.Errorf("%w: SSL_GET shows no certificate", noPair)
		}
	}
	if s.CA != "" {
		if t.roots, noRoots = loadRoots(s.CA); noRoots != nil {
			noRoots = fmt.Errorf("%w: it is not looked who signed the certificates of servers", noRoots)
		}
	}
	return t, errors.Join(noPair, noRoots)
}

// Same reports whether both show the same certificate and accept the same signatures. (A
// certificate has one key, which LoadTLS has looked at.)
func (t *TLS) Same(o *TLS) bool {
	return slices.EqualFunc(t.config.Certificates, o.config.Certificates, func(a, b tls.Certificate) bool {
		return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
	}) && (t.roots == o.roots || t.roots != nil && o.roots != nil && t.roots.Equal(o.roots))
}

func loadRoots(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the ca of the SSL block: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("reading the ca of the SSL block: %s holds no certificate in PEM form", file)
	}
	return roots, nil
}

// judge looks who has signed the certificate of a server. Its name and the address are
// not compared.
func (t *TLS) judge(chain []*x509.Certificate) health.Certificate {
	switch {
	case t.roots == nil:
		return health.CertificateUnasked
	case verify(t.roots, chain) != nil:
		return health.CertificateUnsigned
	}
	return health.CertificateSigned
}

// verify looks for a chain from the certificate of the server to a root.
func verify(roots *x509.CertPool, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("the server has no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

// named is the configuration for a connection that asks for the server of a name.
func (t *TLS) named(sni string) *tls.Config {
	if sni == "" {
		return t.config
	}
	c := t.config.Clone()
	c.ServerName = sni
	return c
}
