package wire

// Drop is the reason why a received packet is no advertisement. The zero value,
// Accepted, says that it is one as far as can be told without a configuration.
//
// The constants stand in the order of the checks, which is keepalived's (observed on
// 2.2.7 with packets that have two faults): a packet is dropped for the first that
// applies. What depends on the configuration comes in between; see Decode.
type Drop uint8

const (
	Accepted     Drop = iota
	DropIPHeader      // not a whole IPv4 header, or not protocol 112
	DropShort         // fewer octets than the fixed part of a VRRP message
	DropVRID          // virtual router 0
	DropLength        // the number of octets is not what the address count asks for
	DropVersion       // neither version 2 over IPv4 nor version 3
	DropAuthType      // version 2: authentication type other than 0, 1 and 2
	DropType          // not an ADVERTISEMENT
	DropChecksum      // the ones' complement sum is wrong in every accepted form
	DropInterval      // advertisement interval 0
	NumDrops          // how many there are, for arrays of counters
)

// drops holds name and origin of every reason, indexed by it.
var drops = [NumDrops]struct{ name, section string }{
	Accepted:     {"accepted", ""},
	DropIPHeader: {"IP header", "RFC 791 §3.1"},
	DropShort:    {"packet too short", "RFC 5798 §7.1"},
	DropVRID:     {"virtual router identifier", "RFC 5798 §5.2.3"},
	DropLength:   {"packet length", "RFC 5798 §7.1"},
	DropVersion:  {"version", "RFC 5798 §5.2.1"},
	DropAuthType: {"authentication type", "RFC 3768 §5.3.6"},
	DropType:     {"packet type", "RFC 5798 §5.2.2"},
	DropChecksum: {"checksum", "RFC 5798 §5.2.8, RFC 3768 §5.3.8"},
	DropInterval: {"advertisement interval", "RFC 5798 §5.2.7, RFC 3768 §5.3.7"},
}

// String names the property of the packet that is wrong.
func (d Drop) String() string {
	if d >= NumDrops {
		return "unknown reason"
	}
	return drops[d].name
}

// Section tells where the rule is written; empty for Accepted.
func (d Drop) Section() string {
	if d >= NumDrops {
		return ""
	}
	return drops[d].section
}
