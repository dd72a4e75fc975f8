package checker

import (
	"strings"
	"testing"
	"time"

	"keepalived/checker/health"
)

// A server whose certificate the ca has not signed stays; it is said once, and stands in
// the status for as long as it is so.
func TestUnsignedCertificate(t *testing.T) {
	r := newRig(t)
	r.configure(strings.ReplaceAll(two(""), "TCP_CHECK {", "SSL_GET {\nurl {\npath /\nstatus_code 200\n}"))
	status := func() string { return r.d.view(r.now).serviceProto(0).GetServers()[0].GetCheckers()[0].GetCause() }
	said := func() int {
		return strings.Count(strings.Join(r.said(), "\n"), "is not signed by the ca, accepted all the same")
	}
	r.run(5 * time.Second)
	if n, s := said(), status(); n != 0 || s != "" {
		t.Errorf("without a ca: said %d times, %q", n, s)
	}
	r.certs["10.0.0.1"] = health.CertificateUnsigned
	r.run(60 * time.Second)
	if n, s := said(), status(); n != 1 || s != "certificate not signed by ca" {
		t.Errorf("said %d times, status %q", n, s)
	}
	r.has(full)
	r.configure(strings.ReplaceAll(two("quorum 1"), "TCP_CHECK {", "SSL_GET {\nurl {\npath /\nstatus_code 200\n}"))
	r.run(60 * time.Second)
	if n, s := said(), status(); n != 0 || s != "certificate not signed by ca" {
		t.Errorf("after a reload: said %d times, status %q", n, s)
	}
	r.down["10.0.0.1"] = true
	r.run(60 * time.Second)
	if s := status(); s != "connection refused, certificate not signed by ca" {
		t.Errorf("status %q", s)
	}
	r.down["10.0.0.1"], r.certs["10.0.0.1"] = false, health.CertificateSigned
	r.said()
	r.run(60 * time.Second)
	if log := strings.Join(r.said(), "\n"); strings.Count(log, "is signed by the ca now") != 1 || status() != "" {
		t.Errorf("status %q, log\n%s", status(), log)
	}
}
