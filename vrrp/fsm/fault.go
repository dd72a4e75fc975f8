package fsm

// fault is keepalived's FAULT state: something the instance needs is missing. It
// neither sends nor elects.
func (m *machine) fault(ev *Event) {
	switch ev.Kind {
	case EvAdvert:
		m.s.Master, m.s.MasterPriority = ev.Advert.Source, ev.Advert.Priority
	case EvPriorityChanged:
		m.changePriority(ev.Priority)
	case EvImpaired:
		m.s.Causes |= ev.Causes &^ (CauseGroup | CauseInit)
	case EvRecovered:
		m.s.Causes &^= ev.Causes &^ CauseGroup
		m.recover()
	case EvGroupPull:
		m.pullFromFault(ev.Phase)
	case EvReconfigured:
		m.setPriority(ev.Priority)
		m.s.MasterAdverInt = m.c.AdverInt
		m.recover()
	case EvStepDown:
		m.s.HoldUntil = m.now.Add(ev.For)
	case EvShutdown:
		m.stop()
	case EvStartup, EvTick, EvInstalled, EvInstallFailed, EvGroupAnnounce, EvStalled:
	}
}

// recover leaves Fault when nothing holds the instance in it. A member of a sync
// group leaves with the group.
func (m *machine) recover() {
	if m.s.Causes.Own() == 0 && !m.c.Grouped {
		m.leaveFault()
	}
}

func (m *machine) pullFromFault(to Phase) {
	switch to {
	case Backup:
		m.s.Causes &= m.s.Causes.Own()
		if m.s.Causes == 0 {
			m.leaveFault()
		}
	case Fault:
		m.s.Causes |= CauseGroup
	case Initialize, Master:
	}
}

// leaveFault goes to Backup, never straight to Master: the link has only just come
// up. The owner listens for one interval and its skew.
func (m *machine) leaveFault() {
	m.s.Causes = 0
	m.enterBackup()
	if m.c.Owner() {
		m.wait(windowOwner)
	}
}

// enterBackup goes to Backup from another phase than Initialize.
func (m *machine) enterBackup() {
	m.enter(Backup)
	m.say(MsgEnteringBackup)
	m.s.MasterAdverInt = m.c.AdverInt
	m.wait(windowFull)
	m.notify(Backup, NoticeBackup)
}

// enterFault goes from Backup to Fault.
func (m *machine) enterFault() {
	m.enter(Fault)
	m.say(MsgEnteringFault)
	m.notify(Fault, NoticeFault)
}

// beginFault leaves Initialize for Fault: something is missing from the start.
func (m *machine) beginFault() {
	m.enter(Fault)
	if m.c.Owner() {
		m.clean()
	}
	m.notify(Fault, NoticeFault)
}
