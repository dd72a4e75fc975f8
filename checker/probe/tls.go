package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"keepalived/checker/checkercfg"
)

// TLS is how SSL_GET shows itself and what it accepts: one for a configuration.
type TLS struct {
	config *tls.Config
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

// LoadTLS reads what an SSL block names. With a CA the certificate of the other side has
// to be signed by it; its name and the address are not compared, as with 2.2.7.
func LoadTLS(s *checkercfg.SSL) (*TLS, error) {
	c := tlsConfig()
	if s.Certificate != "" || s.Key != "" {
		pair, err := loadPair(s)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if s.CA != "" {
		text, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the CA of the SSL block: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("reading the CA of the SSL block: %s holds no certificate in PEM form", s.CA)
		}
		c.VerifyConnection = func(cs tls.ConnectionState) error { return verify(roots, cs.PeerCertificates) }
	}
	return &TLS{config: c}, nil
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
