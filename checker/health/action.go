package health

// ActionKind is what is to be done.
type ActionKind uint8

// The actions. Which fields of Action count stands behind each; Service always does.
const (
	// ActWant: the wanted destinations of the service have changed (AppendWanted). A
	// service that is gone has none, and Director.Service does not know it.
	ActWant ActionKind = iota + 1
	// ActSay: log Msg with its operands.
	ActSay
	// ActNotify: tell scripts and FIFOs that Server, or without one the service, is Up
	// or not: notify_up, notify_down, quorum_up, quorum_down.
	ActNotify
	// ActMail: send a mail. With Server: about Check's standing (Up). Without: about the
	// quorum, Msg and its operands.
	ActMail
	// ActRecord: what is to be remembered over a crash has changed (Record).
	ActRecord
)

// Action is one thing to do: a kind and the operands that it names.
type Action struct {
	Kind    ActionKind
	Msg     Msg
	Up      bool
	Cause   Cause
	Step    uint16 // the url, from 0
	Service *ServiceConfig
	Server  *ServerConfig
	Check   *CheckerConfig
	// Operands of messages.
	From, To   int64 // weights
	Code       int32
	Retries    uint32
	Quorum     uint32
	Hysteresis uint32
	Total      int64
	Record     Record
}

// Actions is what one call asks for, to be done in order. The zero Actions is empty;
// Reset makes it so again and keeps the memory.
type Actions struct {
	list []Action
}

// Len returns the number of actions.
func (as *Actions) Len() int { return len(as.list) }

// At returns the i-th action. It is valid until the next call that adds some.
func (as *Actions) At(i int) *Action { return &as.list[i] }

// Reset removes all actions.
func (as *Actions) Reset() {
	clear(as.list) // lets go of configurations that are gone
	as.list = as.list[:0]
}

func (as *Actions) add(a Action) { as.list = append(as.list, a) }

// Msg is a message for the log: a code, its text is made outside. Names are Name of
// Service (VS below), Server (RS) and Sorry.
type Msg uint8

// Messages. Each with keepalived 2.2.7's text; own ones say so.
const (
	_ Msg = iota

	// Of a checker: Check, Server.

	MsgActivating   // Activating healthchecker for service RS for VS VS
	MsgDeactivating // Deactivating healthchecker for service RS for VS VS: suspended from its start
	MsgSuspending   // Suspending healthchecker for service RS for VS VS
	MsgCause        // Cause, of a failure that log_all_failures tells; CauseLocal
	MsgScriptRetry  // Misc check for [RS VS VS] by [SCRIPT] failed, will do Retries retries (Cause, Code)
	MsgStep         // HTTP status code success to RS url(Step) / MD5 digest success to RS url(Step)
	// MsgGood: TCP connection to RS success. / Remote Web server RS succeed on service. /
	// Misc check for [RS VS VS] by [SCRIPT] succeeded.
	MsgGood
	// MsgBad: TCP_CHECK on service RS failed after Retries retries. / HTTP_CHECK on service …
	// (without "after …" when Retries is 0) / Misc check for [RS VS VS] by [SCRIPT] failed
	// after Retries retries (exited with status Code). / … timed out after Retries retry. /
	// … failed with retry disabled (exited with status Code).
	MsgBad

	MsgUnsigned // own: the certificate of RS is not signed by the ca, accepted all the same
	MsgSigned   // own: the certificate of RS is signed by the ca now

	// Of a real server: Server.

	MsgAdding    // Adding service RS to VS VS
	MsgRemoving  // Removing service RS from VS VS
	MsgEnabling  // Enabling service RS of VS VS
	MsgDisabling // Disabling service RS of VS VS
	// MsgWeight: Changing weight from From to To for active|inactive service RS of VS VS.
	// Up: active.
	MsgWeight
	MsgGone              // service RS no longer exist
	MsgRemovingInhibited // Removing (inhibited) service RS from VS VS
	MsgShutdown          // Shutting down service RS from VS VS
	MsgShutdownInhibited // Shutting down (inhibited) service RS from VS VS

	// Of a service.

	MsgGained         // Gained quorum Quorum+Hysteresis=sum <= Total for VS VS
	MsgLost           // Lost quorum Quorum-Hysteresis=difference > Total for VS VS
	MsgStartDown      // Starting with quorum down Quorum-Hysteresis=difference > Total for VS VS
	MsgStartUp        // mail only: Starting with quorum up Quorum+Hysteresis=sum <= Total
	MsgServiceGone    // Removing Virtual Server VS
	MsgSorryIn        // Adding sorry server SORRY to VS VS
	MsgSorryOut       // Removing sorry server SORRY from VS VS
	MsgSorryEnabled   // Enabling sorry server SORRY to VS VS
	MsgSorryDisabled  // Disabling sorry server SORRY from VS VS
	MsgAliveRemoved   // Removing alive servers from the pool for VS VS
	MsgAliveAdded     // Adding alive servers to the pool for VS VS
	MsgServiceResumed // own: going on with what was known of VS VS before the restart
	MsgDrain          // own: draining service RS of VS VS on request
	MsgDisable        // own: service RS of VS VS disabled on request
	MsgEnable         // own: service RS of VS VS enabled on request
	MsgSetWeight      // own: weight of service RS of VS VS set to To on request
	MsgOverrideGone   // own: request for service RS of VS VS dropped with the server

	messages
)
