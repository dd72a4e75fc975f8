package vrrp

import (
	"fmt"
	"log/slog"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"keepalived/rpc/childapi"
	"keepalived/vrrp/fsm"
)

// handover is the memory that outlives this process: the parent made it and gives it
// to the next VRRP child. One slot an instance; storing is a few stores to memory.
type handover struct {
	slots   []slot
	written []int                 // slots that the process before us has used
	records map[uint64]fsm.Record // by configuration digest, of the process before us
	used    int
}

type slot = [fsm.SlotSize]byte

// open maps the memory and reads what the process before us has left. Without it, or
// when it cannot be read, this is a cold start.
func (h *handover) open(boot childapi.Boot, log *slog.Logger) {
	h.records = map[uint64]fsm.Record{}
	if !boot.Handover {
		return
	}
	mem, err := mapHandover()
	if err != nil {
		log.Warn(fmt.Sprintf("no state is handed over: %v", err))
		return
	}
	h.slots = unsafe.Slice((*slot)(unsafe.Pointer(unsafe.SliceData(mem))), len(mem)/fsm.SlotSize)
	h.read()
}

// read takes the records over. It reads through the descriptor: looking at the mapping
// would make every page of it resident, used or not.
func (h *handover) read() {
	var page [32]slot
	octets := unsafe.Slice(&page[0][0], len(page)*fsm.SlotSize)
	for first := 0; first < len(h.slots); first += len(page) {
		n, err := unix.Pread(childapi.HandoverFD, octets, int64(first*fsm.SlotSize))
		if err != nil {
			return
		}
		for i := range n / fsm.SlotSize {
			if page[i] == (slot{}) {
				continue
			}
			h.written = append(h.written, first+i)
			if r, ok := fsm.DecodeRecord(&page[i]); ok {
				h.records[r.Digest] = r
			}
		}
	}
}

func mapHandover() ([]byte, error) {
	unix.CloseOnExec(childapi.HandoverFD)
	var st unix.Stat_t
	if err := unix.Fstat(childapi.HandoverFD, &st); err != nil {
		return nil, fmt.Errorf("looking at the hand-over memory: %w", err)
	}
	mem, err := unix.Mmap(childapi.HandoverFD, 0, int(st.Size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap of the hand-over memory", err)
	}
	return mem, nil
}

// begin empties the slots: the records have been read, and every instance that runs
// writes its own.
func (h *handover) begin() {
	for _, i := range h.written {
		h.slots[i] = slot{}
	}
}

// assign gives an instance its slot; -1 when there is none left: such an instance starts
// cold after a crash.
func (h *handover) assign() int {
	if h.used >= len(h.slots) {
		return -1
	}
	h.used++
	return h.used - 1
}

// store writes the instance's record.
func (h *handover) store(in *instance) {
	if in.slotNo < 0 || in.slotNo >= len(h.slots) {
		return
	}
	fsm.EncodeRecord(&h.slots[in.slotNo], fsm.NewRecord(&in.mc, &in.st))
}
