package dialect

import (
	"keepalived/checker/checkercfg"
	"keepalived/core/config"
	"keepalived/core/global"
	"keepalived/vrrp/vrrpcfg"
)

// Manual returns the help for every keyword of Keywords, in the order of the manual
// page. It is read from the program itself: call it where it is shown, not at a start.
func Manual() config.Manual {
	var m config.Manual
	for _, of := range []func() config.Manual{global.Manual, vrrpcfg.Manual, checkercfg.Manual} {
		m = append(m, of()...)
	}
	return m
}
