package ipvs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestLasting(t *testing.T) {
	const list = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C0A80001 9C40 0A000064 0050 0A000001 0050 ESTABLISHED     899
TCP C0A80001 9C41 0A000064 0050 0A000001 0050 FIN_WAIT         99
TCP C0A80001 9C42 0A000064 0050 0A000001 0050 TIME_WAIT        99
TCP C0A80001 9C43 0A000064 0050 0A000001 0050 CLOSE             9
TCP C0A80001 0000 0A000064 0050 0A000001 0050 NONE            300
TCP C0A80001 9C40 0A000064 0050 0A000002 0050 TIME_WAIT        99
UDP C0A80001 9C40 0A000064 0050 0A000001 0050 UDP             299
UDP [2001:0db8:0000:0000:0000:0000:0000:0001] 9C40 [2001:0db8::0064] 0035 [2001:0db8:0000:0000:0000:0000:0000:0002] 0035 UDP 299
XXX C0A80001
`
	one, two := ConnKey{TCP, ap("10.0.0.1:80")}, ConnKey{TCP, ap("10.0.0.2:80")}
	six := ConnKey{UDP, ap("[2001:db8::2]:53")}
	got, err := Lasting(strings.NewReader(list), map[ConnKey]bool{one: true, two: true, six: true}, 1<<20)
	if err != nil || got[one] != 2 || got[two] != 0 || got[six] != 1 || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Lasting(strings.NewReader(list), nil, 100); !errors.Is(err, ErrManyConns) {
		t.Errorf("a list that is too long: %v", err)
	}
	// Hostile or unknown lines are passed over.
	if got, err := Lasting(strings.NewReader(fmt.Sprintf("%s\nTCP x y z\nTCP ZZ 1 2 3 ZZ 99999 A\n", strings.Repeat("A ", 20))), nil, 1<<20); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
