package dump_test

import (
	"testing"

	"keepalived/core/dump"
)

func TestWriter(t *testing.T) {
	var w dump.Writer
	if len(w.Bytes()) != 0 {
		t.Errorf("an unused writer has %q", w.Bytes())
	}
	w.Section("VRRP Topology")
	w.Line(1, "VRRP Instance = %s", "VI_1")
	w.Line(3, "Priority = %d%%", 100)
	w.Line(5, "plain")
	want := "------< VRRP Topology >------\n VRRP Instance = VI_1\n   Priority = 100%\n     plain\n"
	if got := string(w.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestStamp: the forms of 2.2.7 (observed.md section 7, keepalived.md 6.7).
func TestStamp(t *testing.T) {
	for _, c := range []struct {
		wall                 dump.Wall
		stamp, late, seconds string
	}{
		{
			dump.Wall{Micros: 1795167262034072, Day: "Fri Nov 20 09:34:22", Year: 2026},
			"1795167262.034072 (Fri Nov 20 09:34:22.034072 2026)", "1795167262.034072 (Fri Nov 20 09:34:22 2026.034072)", "1795167262.034072",
		},
		{
			dump.Wall{Micros: 1775000000000000, Day: "Tue Mar 31 23:33:20", Year: 2026},
			"1775000000.000000 (Tue Mar 31 23:33:20.000000 2026)", "1775000000.000000 (Tue Mar 31 23:33:20 2026.000000)", "1775000000.000000",
		},
	} {
		if got := c.wall.Stamp(); got != c.stamp {
			t.Errorf("Stamp is %q, want %q", got, c.stamp)
		}
		if got := c.wall.LateStamp(); got != c.late {
			t.Errorf("LateStamp is %q, want %q", got, c.late)
		}
		if got := c.wall.Seconds(); got != c.seconds {
			t.Errorf("Seconds is %q, want %q", got, c.seconds)
		}
	}
}

func TestOnOff(t *testing.T) {
	if dump.OnOff(true, "yes", "no") != "yes" || dump.OnOff(false, "yes", "no") != "no" {
		t.Error("OnOff answers the wrong way round")
	}
}
