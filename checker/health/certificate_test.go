package health

import "testing"

// A certificate that the ca has not signed is said once, when that is found and when it is
// over, and changes nothing else.
func TestUnsigned(t *testing.T) {
	c := &CheckerConfig{Kind: SSL, Interval: 10, LogAll: true}
	s := CheckerState{}
	for i, tt := range []struct {
		r    Result
		said bool
		is   bool
	}{
		{r: Result{OK: true, Certificate: CertificateSigned}},
		{r: Result{OK: true, Certificate: CertificateUnsigned}, said: true, is: true},
		{r: Result{OK: true, Certificate: CertificateUnsigned}, is: true},
		{r: Result{Cause: CauseRefused}, is: true}, // no handshake, no news
		{r: Result{Cause: CauseStatus, Certificate: CertificateUnsigned}, is: true},
		{r: Result{Cause: CauseLocal}, is: true},
		{r: Result{OK: true, Certificate: CertificateSigned}, said: true},
		{r: Result{OK: true}},
		{r: Result{OK: true, Certificate: CertificateUnsigned}, said: true, is: true},
		{r: Result{OK: true, Certificate: CertificateUnasked}}, // the ca is gone
	} {
		var v Verdict
		plain := s
		s, v = StepChecker(c, s, 1, 1, tt.r)
		if said := v.Say&SayCertificate != 0; said != tt.said || s.Unsigned != tt.is {
			t.Errorf("%d: said %v, unsigned %v", i, said, s.Unsigned)
		}
		bare := tt.r
		bare.Certificate = CertificateUnknown
		plain, w := StepChecker(c, plain, 1, 1, bare)
		plain.Unsigned, v.Say = s.Unsigned, v.Say&^SayCertificate
		if plain != s || w != v {
			t.Errorf("%d: %+v, %+v; without a certificate %+v, %+v", i, s, v, plain, w)
		}
	}
}
