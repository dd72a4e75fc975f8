package checker

import (
	"strings"
	"testing"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/core/config/cursor"
)

// TestTexts: lines of 2.2.7, as it wrote them in User-Mode Linux.
func TestTexts(t *testing.T) {
	service := &health.ServiceConfig{Name: "[198.18.9.201]:tcp:80", Sorry: health.Sorry{Name: "[10.0.0.5]:tcp:80"}}
	server := &health.ServerConfig{Name: "[198.18.9.11]:tcp:82"}
	tcp, http, ssl := &health.CheckerConfig{Kind: health.TCP}, &health.CheckerConfig{Kind: health.HTTP}, &health.CheckerConfig{Kind: health.SSL}
	misc := &health.CheckerConfig{Kind: health.Misc, Retries: 2}
	web := &checkercfg.Check{HTTP: &checkercfg.HTTP{URLs: []checkercfg.URL{{Path: "/"}, {Path: "/x", Digest: "00"}}}}
	script := &checkercfg.Check{Misc: &checkercfg.Misc{Script: &cursor.Script{Argv: []string{"/etc/keepalived/flip.sh", "a", "b"}}}}
	const by = "Misc check for [[198.18.9.11]:tcp:82 VS [198.18.9.201]:tcp:80] by [/etc/keepalived/flip.sh] "
	for _, tt := range []struct {
		a    health.Action
		c    *checkercfg.Check
		want string
	}{
		{health.Action{Check: tcp, Msg: health.MsgActivating}, nil, "Activating healthchecker for service [198.18.9.11]:tcp:82 for VS [198.18.9.201]:tcp:80"},
		{health.Action{Check: tcp, Msg: health.MsgGood}, nil, "TCP connection to [198.18.9.11]:tcp:82 success."},
		{health.Action{Check: tcp, Msg: health.MsgCause, Cause: health.CauseRefused}, nil, "TCP connection to [198.18.9.11]:tcp:82 failed."},
		{health.Action{Check: tcp, Msg: health.MsgCause, Cause: health.CauseTimeout}, nil, "TCP connection to [198.18.9.11]:tcp:82 timeout."},
		{health.Action{Check: tcp, Msg: health.MsgBad}, nil, "TCP_CHECK on service [198.18.9.11]:tcp:82 failed."},
		{health.Action{Check: tcp, Msg: health.MsgBad, Retries: 1}, nil, "TCP_CHECK on service [198.18.9.11]:tcp:82 failed after 1 retries."},
		{health.Action{Check: http, Msg: health.MsgGood}, web, "Remote Web server [198.18.9.11]:tcp:82 succeed on service."},
		{health.Action{Check: http, Msg: health.MsgStep}, web, "HTTP status code success to [198.18.9.11]:tcp:82 url(/)"},
		{health.Action{Check: http, Msg: health.MsgStep, Step: 1}, web, "MD5 digest success to [198.18.9.11]:tcp:82 url(/x)"},
		{health.Action{Check: http, Msg: health.MsgCause, Cause: health.CauseRefused}, web, "Connection failed server [198.18.9.11]:tcp:82."},
		{health.Action{Check: http, Msg: health.MsgCause, Cause: health.CauseTimeout}, web, "Timeout connecting server [198.18.9.11]:tcp:82."},
		{health.Action{Check: http, Msg: health.MsgCause, Cause: health.CauseReadTimeout}, web, "Timeout WEB read server [198.18.9.11]:tcp:82."},
		{health.Action{Check: http, Msg: health.MsgCause, Cause: health.CauseStatus, Code: 500}, web, "HTTP status code error to server [198.18.9.11]:tcp:82."},
		{health.Action{Check: http, Msg: health.MsgCause, Cause: health.CauseDigest}, web, "MD5 digest error to server [198.18.9.11]:tcp:82."},
		{health.Action{Check: http, Msg: health.MsgCause, Cause: health.CauseRead}, web, "Read, no data received from  server [198.18.9.11]:tcp:82."},
		{health.Action{Check: ssl, Msg: health.MsgCause, Cause: health.CauseTLS}, web, "SSL handshake/communication error connecting to server [198.18.9.11]:tcp:82."},
		{health.Action{Check: ssl, Msg: health.MsgBad, Retries: 1}, web, "HTTP_CHECK on service [198.18.9.11]:tcp:82 failed after 1 retries."},
		{health.Action{Check: misc, Msg: health.MsgGood}, script, by + "succeeded."},
		{health.Action{Check: misc, Msg: health.MsgScriptRetry, Cause: health.CauseExit, Code: 3, Retries: 2}, script, by + "failed, will do 2 retries (exited with status 3)."},
		{health.Action{Check: misc, Msg: health.MsgScriptRetry, Cause: health.CauseExit, Code: 3, Retries: 1}, script, by + "failed on retry 1/2 (exited with status 3)."},
		{health.Action{Check: misc, Msg: health.MsgScriptRetry, Cause: health.CauseScriptLimit, Retries: 2}, script, by + "timed out, will do 2 retries."},
		{health.Action{Check: misc, Msg: health.MsgScriptRetry, Cause: health.CauseScriptLimit, Retries: 1}, script, by + "timed out on retry 1/2."},
		{health.Action{Check: misc, Msg: health.MsgBad, Cause: health.CauseExit, Code: 3, Retries: 2}, script, by + "failed after 2 retries (exited with status 3)."},
		{health.Action{Check: misc, Msg: health.MsgBad, Cause: health.CauseExit, Code: 1}, script, by + "failed with retry disabled (exited with status 1)."},
		{health.Action{Check: misc, Msg: health.MsgBad, Cause: health.CauseScriptLimit, Retries: 1}, script, by + "timed out after 1 retry."},
		{health.Action{Check: misc, Msg: health.MsgBad, Cause: health.CauseScriptLimit, Retries: 2}, script, by + "timed out after 2 retries."},
	} {
		tt.a.Service, tt.a.Server = service, server
		if got := checkText(&tt.a, tt.c); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// Every cause has a text for every kind of check that can have it, and another than the
// others but where 2.2.7 has one for several.
func TestEveryCauseHasItsText(t *testing.T) {
	const rs = " server RS."
	lost := "Read, no data received from  server RS."
	type texts struct{ tcp, http, ssl, retry, bad string } // "": cannot be
	want := map[health.Cause]texts{
		health.CauseRefused:        {tcp: "TCP connection to RS failed.", http: "Connection failed" + rs, ssl: "Connection failed" + rs},
		health.CauseTimeout:        {tcp: "TCP connection to RS timeout.", http: "Timeout connecting" + rs, ssl: "Timeout connecting" + rs},
		health.CauseUnreachable:    {tcp: "TCP connection to RS failed.", http: "HTTP_CHECK - network unreachable" + rs, ssl: "HTTP_CHECK - network unreachable" + rs},
		health.CauseReadTimeout:    {http: "Timeout WEB read" + rs, ssl: "Timeout SSL read" + rs},
		health.CauseStalled:        {http: "Timeout HTTP read" + rs, ssl: "Timeout SSL read" + rs},
		health.CauseStatus:         {http: "HTTP status code error to" + rs, ssl: "HTTP status code error to" + rs},
		health.CauseDigest:         {http: "MD5 digest error to" + rs, ssl: "MD5 digest error to" + rs},
		health.CauseTLS:            {ssl: "SSL handshake/communication error connecting to" + rs},
		health.CauseHandshakeReset: {ssl: "Connection failed" + rs},
		health.CauseRead:           {http: lost, ssl: lost},
		health.CauseNoAnswer:       {http: lost, ssl: "SSL read error from" + rs},
		health.CauseReset:          {http: "Read error with" + rs, ssl: lost},
		health.CauseLocal: {tcp: "TCP socket bind failed. Rescheduling. (service RS)", http: "WEB socket bind failed. Rescheduling. (service RS)",
			ssl: "WEB socket bind failed. Rescheduling. (service RS)"},
		health.CauseExit:        {retry: "M failed, will do 1 retry (exited with status 7).", bad: "M failed after 1 retry (exited with status 7)."},
		health.CauseSignal:      {retry: "M failed, will do 1 retry (due to signal 7).", bad: "M failed after 1 retry (due to signal 7)."},
		health.CauseScriptLimit: {retry: "M timed out, will do 1 retry.", bad: "M timed out after 1 retry."},
	}
	service, server := &health.ServiceConfig{Name: "VS"}, &health.ServerConfig{Name: "RS"}
	script := &checkercfg.Check{Misc: &checkercfg.Misc{Script: &cursor.Script{Argv: []string{"/x"}}}}
	misc := &health.CheckerConfig{Kind: health.Misc, Retries: 1}
	words := map[string]health.Cause{}
	for c := health.CauseNone + 1; c < health.Causes; c++ {
		text := func(check *health.CheckerConfig, msg health.Msg) string {
			a := health.Action{Msg: msg, Cause: c, Code: 7, Retries: 1, Check: check, Service: service, Server: server}
			if check.Kind != health.Misc {
				return checkText(&a, nil)
			}
			return strings.ReplaceAll(checkText(&a, script), "Misc check for [RS VS VS] by [/x]", "M")
		}
		w, ok := want[c]
		if !ok {
			t.Errorf("cause %d is not in this table", c)
		}
		for _, tt := range []struct{ want, got string }{
			{w.tcp, text(&health.CheckerConfig{Kind: health.TCP}, health.MsgCause)},
			{w.http, text(&health.CheckerConfig{Kind: health.HTTP}, health.MsgCause)},
			{w.ssl, text(&health.CheckerConfig{Kind: health.SSL}, health.MsgCause)},
			{w.retry, text(misc, health.MsgScriptRetry)},
			{w.bad, text(misc, health.MsgBad)},
		} {
			if tt.want != "" && tt.got != tt.want {
				t.Errorf("cause %d: %q, want %q", c, tt.got, tt.want)
			}
		}
		word := causeWord(c, 7)
		if was, twice := words[word]; twice || word == "" {
			t.Errorf("causes %d and %d are both %q in the status", was, c, word)
		}
		words[word] = c
	}
	if got := causeWord(health.CauseNone, 0); got != "" {
		t.Errorf("no cause is %q", got)
	}
}

// Every message has a text of its own.
func TestEveryMessageHasAText(t *testing.T) {
	service := &health.ServiceConfig{Name: "VS1", Sorry: health.Sorry{Name: "S1"}}
	seen := map[string]health.Msg{}
	for m := health.MsgAdding; m <= health.MsgOverrideGone; m++ {
		a := health.Action{Msg: m, Service: service}
		text := serviceText(&a)
		if strings.HasPrefix(text, "message ") {
			a.Server = &health.ServerConfig{Name: "RS1"}
			text = serverText(&a)
		}
		if m == health.MsgStartUp { // mail only
			continue
		}
		if old, twice := seen[text]; twice {
			t.Errorf("messages %d and %d are both %q", old, m, text)
		}
		seen[text] = m
	}
}
