package probe

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"os"

	"keepalived/checker/checkercfg"
)

// loadPair reads certificate and key of an SSL block. The key may be in the file of the
// certificate, and under the password.
func loadPair(s *checkercfg.SSL) (tls.Certificate, error) {
	certFile, keyFile := s.Certificate, s.Key
	if certFile == "" {
		certFile = keyFile
	}
	if keyFile == "" {
		keyFile = certFile
	}
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the certificate of the SSL block: %w", err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the key of the SSL block: %w", err)
	}
	key, err = plainKey(key, s.Password)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the key of the SSL block, %s: %w", keyFile, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s with key %s: %w", certFile, keyFile, err)
	}
	return pair, nil
}

// plainKey is the file with its keys out of their encryption.
func plainKey(text []byte, password string) ([]byte, error) {
	var out []byte
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return out, nil
		}
		b, err := decrypt(b, password)
		if err != nil {
			return nil, err
		}
		out = append(out, pem.EncodeToMemory(b)...)
	}
}

// decrypt takes one block of a PEM file out of its encryption, if it has any: PKCS #8
// with PBES2 (RFC 8018), which OpenSSL 3 writes, or the older form with a Proc-Type
// line.
func decrypt(b *pem.Block, password string) (*pem.Block, error) {
	switch {
	case b.Type == "ENCRYPTED PRIVATE KEY":
		der, err := decryptPBES2(b.Bytes, password)
		if err != nil {
			return nil, err
		}
		return &pem.Block{Type: "PRIVATE KEY", Bytes: der}, nil
	//lint:ignore SA1019 it is deprecated as insecure, but files of this form exist
	case x509.IsEncryptedPEMBlock(b):
		//lint:ignore SA1019 see above
		der, err := x509.DecryptPEMBlock(b, []byte(password))
		if err != nil {
			return nil, errPassword
		}
		return &pem.Block{Type: b.Type, Bytes: der}, nil
	}
	return b, nil
}

var errPassword = errors.New("the password of the SSL block does not open it")

// algorithm is AlgorithmIdentifier of RFC 5280.
type algorithm struct {
	ID         asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// Object identifiers of RFC 8018 and NIST.
var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}

	// prfs are the pseudo-random functions of PBKDF2; SHA-1 is the one not named.
	prfs = map[string]func() hash.Hash{
		"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.9": sha256.New,
		"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
	}
	// ciphers are those in CBC mode, with the length of their keys.
	ciphers = map[string]struct {
		size  int
		block func(key []byte) (cipher.Block, error)
	}{
		"2.16.840.1.101.3.4.1.2": {16, aes.NewCipher}, "2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher}, "1.2.840.113549.3.7": {24, des.NewTripleDESCipher},
	}
)

// decryptPBES2 opens an EncryptedPrivateKeyInfo (RFC 5958). The standard library does
// not, and of the modules that do the one without a forest behind it,
// github.com/youmark/pkcs8, has no SHA-384 and SHA-512 and no release.
func decryptPBES2(der []byte, password string) ([]byte, error) {
	var info struct {
		Algorithm algorithm
		Data      []byte
	}
	var scheme struct{ Derivation, Encryption algorithm }
	var kdf struct {
		Salt       []byte
		Iterations int
		Length     int       `asn1:"optional"`
		PRF        algorithm `asn1:"optional"`
	}
	var iv []byte
	if err := unmarshal(der, &info); err != nil {
		return nil, err
	}
	if !info.Algorithm.ID.Equal(oidPBES2) {
		return nil, fmt.Errorf("encrypted with %v, which is not PBES2: openssl pkcs8 -topk8 makes it so", info.Algorithm.ID)
	}
	if err := unmarshal(info.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, err
	}
	if !scheme.Derivation.ID.Equal(oidPBKDF2) {
		return nil, fmt.Errorf("the key is derived by %v, which is not PBKDF2", scheme.Derivation.ID)
	}
	if err := unmarshal(scheme.Derivation.Parameters.FullBytes, &kdf); err != nil {
		return nil, err
	}
	if err := unmarshal(scheme.Encryption.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	prf, known := prfs[kdf.PRF.ID.String()]
	c, also := ciphers[scheme.Encryption.ID.String()]
	if !known || !also {
		return nil, fmt.Errorf("encrypted with %v and %v, which are not known", scheme.Encryption.ID, kdf.PRF.ID)
	}
	key, err := pbkdf2.Key(prf, password, kdf.Salt, kdf.Iterations, c.size)
	if err != nil {
		return nil, err
	}
	block, err := c.block(key)
	if err != nil {
		return nil, err
	}
	return unpad(block, iv, info.Data)
}

// unpad decrypts in CBC mode and takes the padding off, which tells whether the
// password was right.
func unpad(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errors.New("the encrypted key is damaged")
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	n := int(plain[len(plain)-1])
	if n == 0 || n > size || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errPassword
	}
	return plain[:len(plain)-n], nil
}

func unmarshal(der []byte, into any) error {
	if _, err := asn1.Unmarshal(der, into); err != nil {
		return fmt.Errorf("reading the encrypted key: %w", err)
	}
	return nil
}
