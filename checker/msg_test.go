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
