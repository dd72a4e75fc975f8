package fsm

// setPriority takes a new effective priority; 0 stands for the configured one. The
// owner's is fixed, and nobody else gets it by tracking.
func (m *machine) setPriority(p uint8) {
	switch {
	case m.c.Owner():
		p = PriorityOwner
	case p == 0:
		p = m.c.Priority
	case p == PriorityOwner:
		p = PriorityOwner - 1
	}
	m.s.Priority = p
}

// changePriority is the PriorityChanged event: a Backup's timer shifts by the
// difference of the skews, a Master's next advert carries it.
func (m *machine) changePriority(p uint8) {
	was := m.s.Priority
	m.setPriority(p)
	if m.s.Priority == was {
		return
	}
	if m.s.Started {
		m.act(Action{Kind: ActSay, Msg: MsgPriority, Priority: m.s.Priority, Ours: was})
	}
	switch m.s.Phase {
	case Backup:
		m.rearm()
		fallthrough
	case Master:
		m.act(Action{Kind: ActNotify, Notice: NoticePriority, Priority: m.s.Priority})
	case Initialize, Fault:
	}
}
