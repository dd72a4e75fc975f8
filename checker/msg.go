package checker

import (
	"context"
	"fmt"
	"log/slog"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
)

// This file holds every text that the child logs about servers, in the words of 2.2.7
// where it has them: people grep their logs for these.

// info logs a line with its facts for machines.
func (d *daemon) info(text string, attrs ...slog.Attr) {
	d.log.LogAttrs(context.Background(), slog.LevelInfo, text, attrs...)
}

// say renders a message of the Director.
func (d *daemon) say(a *health.Action) {
	attrs := []slog.Attr{slog.String("virtual_server", a.Service.Name)}
	if a.Server != nil {
		attrs = append(attrs, slog.String("real_server", a.Server.Name))
	}
	if a.Check != nil {
		attrs = append(attrs, slog.String("cause", causeWord(a.Cause, a.Code)))
	}
	d.info(d.text(a), attrs...)
}

func (d *daemon) text(a *health.Action) string {
	switch {
	case a.Check != nil:
		return checkText(a, d.checkOf(a))
	case a.Server != nil:
		return serverText(a)
	}
	return serviceText(a)
}

// checkOf is the configuration of the checker that an action is about; nil when it is
// not of the running one.
func (d *daemon) checkOf(a *health.Action) *checkercfg.Check {
	s := d.model.byKey[a.Service.Key]
	if s == nil {
		return nil
	}
	if i, ok := s.byKey[a.Server.Key]; ok && int(a.Check.Ref) < len(s.cfg.Servers[i].Checks) {
		return s.cfg.Servers[i].Checks[a.Check.Ref]
	}
	return nil
}

// checkText is about one checker; c is its configuration.
func checkText(a *health.Action, c *checkercfg.Check) string {
	vs, rs := a.Service.Name, a.Server.Name
	misc := ""
	if c != nil && c.Misc != nil {
		misc = fmt.Sprintf("Misc check for [%s VS %s] by [%s]", rs, vs, c.Misc.Script.Argv[0])
	}
	switch a.Msg {
	case health.MsgActivating:
		return "Activating healthchecker for service " + rs + " for VS " + vs
	case health.MsgDeactivating:
		return "Deactivating healthchecker for service " + rs + " for VS " + vs
	case health.MsgSuspending:
		return "Suspending healthchecker for service " + rs + " for VS " + vs
	case health.MsgCause:
		return causeText(a, misc)
	case health.MsgScriptRetry:
		return scriptRetryText(a, misc)
	case health.MsgStep:
		return stepText(a, c)
	case health.MsgUnsigned:
		return "SSL_GET: the certificate of " + rs + " for VS " + vs + " is not signed by the ca, accepted all the same"
	case health.MsgSigned:
		return "SSL_GET: the certificate of " + rs + " for VS " + vs + " is signed by the ca now"
	case health.MsgGood:
		return map[health.Kind]string{
			health.TCP:  "TCP connection to " + rs + " success.",
			health.HTTP: "Remote Web server " + rs + " succeed on service.", health.SSL: "Remote Web server " + rs + " succeed on service.",
			health.Misc: misc + " succeeded.",
		}[a.Check.Kind]
	}
	retries := ""
	if a.Retries > 0 {
		retries = fmt.Sprintf(" after %d retries", a.Retries)
	}
	switch {
	case a.Check.Kind == health.TCP:
		return "TCP_CHECK on service " + rs + " failed" + retries + "."
	case a.Check.Kind != health.Misc:
		return "HTTP_CHECK on service " + rs + " failed" + retries + "."
	}
	failed, ending := scriptEnding(a)
	if a.Retries > 0 {
		return fmt.Sprintf("%s%s after %d %s%s", misc, failed, a.Retries, plural(a.Retries), ending)
	}
	return misc + failed + " with retry disabled" + ending
}

// scriptEnding is how a script ended: the verb and, at the end of the sentence, with what.
func scriptEnding(a *health.Action) (failed, ending string) {
	switch a.Cause {
	case health.CauseScriptLimit:
		return " timed out", "."
	case health.CauseSignal:
		return " failed", fmt.Sprintf(" (due to signal %d).", a.Code)
	}
	return " failed", fmt.Sprintf(" (exited with status %d).", a.Code)
}

// scriptRetryText is about a script's failure that is tried again.
func scriptRetryText(a *health.Action, misc string) string {
	failed, ending := scriptEnding(a)
	if all := a.Check.Retries; a.Retries < all {
		return fmt.Sprintf("%s%s on retry %d/%d%s", misc, failed, all-a.Retries, all, ending)
	}
	return fmt.Sprintf("%s%s, will do %d %s%s", misc, failed, a.Retries, plural(a.Retries), ending)
}

func plural(n uint32) string {
	if n == 1 {
		return "retry"
	}
	return "retries"
}

// stepText is about one url that was good.
func stepText(a *health.Action, c *checkercfg.Check) string {
	path, what := "/", "HTTP status code"
	if c != nil && c.HTTP != nil && int(a.Step) < len(c.HTTP.URLs) {
		u := &c.HTTP.URLs[a.Step]
		path = u.Path
		if u.Digest != "" {
			what = "MD5 digest"
		}
	}
	return fmt.Sprintf("%s success to %s url(%s)", what, a.Server.Name, path)
}

// causeText is why a probe failed, under log_all_failures.
func causeText(a *health.Action, misc string) string {
	rs := a.Server.Name
	if a.Check.Kind == health.TCP {
		switch a.Cause {
		case health.CauseTimeout:
			return "TCP connection to " + rs + " timeout."
		case health.CauseLocal:
			return "TCP socket bind failed. Rescheduling. (service " + rs + ")"
		}
		return "TCP connection to " + rs + " failed."
	}
	web := "HTTP"
	if a.Check.Kind == health.SSL {
		web = "SSL"
	}
	switch a.Cause {
	case health.CauseRefused, health.CauseHandshakeReset:
		return "Connection failed server " + rs + "."
	case health.CauseUnreachable:
		return "HTTP_CHECK - network unreachable server " + rs + "."
	case health.CauseTimeout:
		return "Timeout connecting server " + rs + "."
	case health.CauseReadTimeout:
		if web == "HTTP" { // before the first byte; SSL has one text for both
			web = "WEB"
		}
		return "Timeout " + web + " read server " + rs + "."
	case health.CauseStalled:
		return "Timeout " + web + " read server " + rs + "."
	case health.CauseStatus:
		return "HTTP status code error to server " + rs + "."
	case health.CauseDigest:
		return "MD5 digest error to server " + rs + "."
	case health.CauseTLS:
		return "SSL handshake/communication error connecting to server " + rs + "."
	case health.CauseLocal:
		if misc != "" {
			return misc + " could not be started. Rescheduling."
		}
		return "WEB socket bind failed. Rescheduling. (service " + rs + ")"
	}
	return readText(a.Cause, web, rs)
}

// readText is about an answer that broke off.
func readText(c health.Cause, web, rs string) string {
	switch {
	case web == "SSL" && c == health.CauseNoAnswer:
		return "SSL read error from server " + rs + "."
	case web == "HTTP" && c == health.CauseReset:
		return "Read error with server " + rs + "."
	}
	return "Read, no data received from  server " + rs + "."
}

// serverText is about one real server.
func serverText(a *health.Action) string {
	vs, rs := a.Service.Name, a.Server.Name
	switch a.Msg {
	case health.MsgAdding:
		return "Adding service " + rs + " to VS " + vs
	case health.MsgRemoving:
		return "Removing service " + rs + " from VS " + vs
	case health.MsgEnabling:
		return "Enabling service " + rs + " of VS " + vs
	case health.MsgDisabling:
		return "Disabling service " + rs + " of VS " + vs
	case health.MsgWeight:
		state := "inactive"
		if a.Up {
			state = "active"
		}
		return fmt.Sprintf("Changing weight from %d to %d for %s service %s of VS %s", a.From, a.To, state, rs, vs)
	case health.MsgGone:
		return "service " + rs + " no longer exist"
	case health.MsgRemovingInhibited:
		return "Removing (inhibited) service " + rs + " from VS " + vs
	case health.MsgShutdown:
		return "Shutting down service " + rs + " from VS " + vs
	case health.MsgShutdownInhibited:
		return "Shutting down (inhibited) service " + rs + " from VS " + vs
	case health.MsgDrain:
		return "Draining service " + rs + " of VS " + vs + " on request"
	case health.MsgDisable:
		return "Service " + rs + " of VS " + vs + " disabled on request"
	case health.MsgEnable:
		return "Service " + rs + " of VS " + vs + " enabled on request"
	case health.MsgSetWeight:
		return fmt.Sprintf("Weight of service %s of VS %s set from %d to %d on request", rs, vs, a.From, a.To)
	}
	return "Dropping the request for service " + rs + " of VS " + vs + ": the server is no longer configured"
}

// serviceText is about a virtual server.
func serviceText(a *health.Action) string {
	vs, sorry := a.Service.Name, a.Service.Sorry.Name
	low, high := int64(a.Quorum)-int64(a.Hysteresis), int64(a.Quorum)+int64(a.Hysteresis)
	switch a.Msg {
	case health.MsgGained:
		return fmt.Sprintf("Gained quorum %d+%d=%d <= %d for VS %s", a.Quorum, a.Hysteresis, high, a.Total, vs)
	case health.MsgLost:
		return fmt.Sprintf("Lost quorum %d-%d=%d > %d for VS %s", a.Quorum, a.Hysteresis, low, a.Total, vs)
	case health.MsgStartDown:
		return fmt.Sprintf("Starting with quorum down %d-%d=%d > %d for VS %s", a.Quorum, a.Hysteresis, low, a.Total, vs)
	case health.MsgServiceGone:
		return "Removing Virtual Server " + vs
	case health.MsgSorryIn:
		return "Adding sorry server " + sorry + " to VS " + vs
	case health.MsgSorryOut:
		return "Removing sorry server " + sorry + " from VS " + vs
	case health.MsgSorryEnabled:
		return "Enabling sorry server " + sorry + " to VS " + vs
	case health.MsgSorryDisabled:
		return "Disabling sorry server " + sorry + " from VS " + vs
	case health.MsgAliveRemoved:
		return "Removing alive servers from the pool for VS " + vs
	case health.MsgAliveAdded:
		return "Adding alive servers to the pool for VS " + vs
	case health.MsgServiceResumed:
		return "Going on with what was known of VS " + vs + " before the restart"
	}
	return fmt.Sprintf("message %d about VS %s", a.Msg, vs)
}

// badCause is the reason why a server is down, for status and events.
func badCause(a *health.Action) string {
	kind := map[health.Kind]string{health.TCP: "TCP_CHECK", health.HTTP: "HTTP_GET", health.SSL: "SSL_GET", health.Misc: "MISC_CHECK"}[a.Check.Kind]
	return kind + ": " + causeWord(a.Cause, a.Code)
}

// causeWord is a cause in a few words.
func causeWord(c health.Cause, code int32) string {
	switch c {
	case health.CauseRefused:
		return "connection refused"
	case health.CauseTimeout:
		return "connection timed out"
	case health.CauseReadTimeout:
		return "no answer in time"
	case health.CauseStatus:
		return fmt.Sprintf("HTTP status %d", code)
	case health.CauseDigest:
		return "another MD5 digest"
	case health.CauseTLS:
		return "TLS handshake failed"
	case health.CauseRead:
		return "no valid answer"
	case health.CauseExit:
		return fmt.Sprintf("exited with status %d", code)
	case health.CauseScriptLimit:
		return "timed out"
	case health.CauseLocal:
		return "could not be made here"
	case health.CauseSignal:
		if code == 0 { // of the latest run that ended by itself
			return "ended by a signal"
		}
		return fmt.Sprintf("ended by signal %d", code)
	case health.CauseUnreachable:
		return "network unreachable"
	case health.CauseStalled:
		return "answer not whole in time"
	case health.CauseReset:
		return "connection reset"
	case health.CauseNoAnswer:
		return "closed without an answer"
	case health.CauseHandshakeReset:
		return "connection reset in the TLS handshake"
	}
	return ""
}
