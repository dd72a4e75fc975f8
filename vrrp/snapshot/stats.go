package snapshot

import "keepalived/core/dump"

// Stats writes keepalived.stats. Every two- or four-space line needs its colon: a line
// without one ends an exporter's process (exporters.md §3.4).
func (s *Snapshot) Stats() []byte {
	var w dump.Writer
	for i := range s.Instances {
		v := &s.Instances[i]
		c := &v.Counters
		w.Line(0, "VRRP Instance: %s", v.Name)
		w.Line(2, "Advertisements:")
		w.Line(4, "Received: %d", c.AdvertsReceived)
		w.Line(4, "Sent: %d", c.AdvertsSent)
		w.Line(2, "Became master: %d", c.BecameMaster)
		w.Line(2, "Released master: %d", c.ReleasedMaster)
		w.Line(2, "Packet Errors:")
		w.Line(4, "Length: %d", c.LengthErrors)
		w.Line(4, "TTL: %d", c.TTLErrors)
		w.Line(4, "Invalid Type: %d", c.TypeErrors)
		w.Line(4, "Advertisement Interval: %d", c.IntervalErrors)
		w.Line(4, "Address List: %d", c.AddressErrors)
		w.Line(2, "Authentication Errors:")
		w.Line(4, "Invalid Type: %d", c.AuthTypeInvalid)
		w.Line(4, "Type Mismatch: %d", c.AuthMismatch)
		w.Line(4, "Failure: %d", c.AuthFailures)
		w.Line(2, "Priority Zero:")
		w.Line(4, "Received: %d", c.PriorityZeroReceived)
		w.Line(4, "Sent: %d", c.PriorityZeroSent)
	}
	return w.Bytes()
}
