package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
)

// pageSize is that of /proc/PID/pagemap's entries on every platform we measure on.
var pageSize = uint64(os.Getpagesize())

// memory is what the processes would have as their PSS if they were alone on the
// host, in MB: every page present in any of them counts once. Their PSS itself
// depends on who else runs the same program or maps the same libraries.
func (s *session) memory(pids []int) float64 {
	frames := map[uint64]struct{}{}
	for _, pid := range pids {
		if err := collectFrames(pid, frames); err != nil {
			s.Fatalf("reading the pages of %d: %v", pid, err)
		}
	}
	return float64(uint64(len(frames))*pageSize) / (1 << 20)
}

// collectFrames adds the numbers of the page frames that a process has mapped.
func collectFrames(pid int, frames map[uint64]struct{}) error {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	pagemap, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return err
	}
	defer pagemap.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		if strings.HasPrefix(mode, "---") || strings.Contains(line, "[vsyscall]") {
			continue // reserved address space, the kernel's own page
		}
		entries := make([]byte, (to-from)/pageSize*8)
		if _, err := pagemap.ReadAt(entries, int64(from/pageSize*8)); err != nil {
			return fmt.Errorf("%#x-%#x: %w", from, to, err)
		}
		// Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bits 0-54 frame.
		for ; len(entries) >= 8; entries = entries[8:] {
			if e := binary.NativeEndian.Uint64(entries); e>>63 == 1 {
				frames[e&(1<<55-1)] = struct{}{}
			}
		}
	}
	return nil
}
