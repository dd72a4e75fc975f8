package exporters

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// jsonEntry has the fields that gen2brain's and mehdy's exporters decode, in their
// types: a number with a fraction or an exponent does not fit an int.
type jsonEntry struct {
	Data struct {
		Name           *string      `json:"iname"`
		Interface      *string      `json:"ifp_ifname"`
		VRID           *int         `json:"vrid"`
		State          *int         `json:"state"`
		Want           *int         `json:"wantstate"`
		LastTransition *json.Number `json:"last_transition"`
		GarpDelay      *int         `json:"garp_delay"`
		VIPs           []string     `json:"vips"`
		Excluded       []string     `json:"evips"`
		AuthData       *string      `json:"auth_data"`
	} `json:"data"`
	Stats map[string]*int64 `json:"stats"`
}

// statKeys are the members of "stats" that both exporters read.
var statKeys = strings.Fields(`advert_rcvd advert_sent become_master release_master packet_len_err advert_interval_err ip_ttl_err
	invalid_type_rcvd addr_list_err invalid_authtype authtype_mismatch auth_failure pri_zero_rcvd pri_zero_sent`)

// vyosKeys are the members of "data" that VyOS shows besides.
var vyosKeys = strings.Fields(`effective_priority base_priority version master_priority master_adver_int adver_int dont_track_primary
	skip_check_adv_addr strict_mode garp_rep garp_refresh garp_refresh_rep garp_lower_prio_delay garp_lower_prio_rep lower_prio_no_advert
	higher_prio_send_advert accept nopreempt preempt_delay promote_secondaries auth_type smtp_alert notify_deleted`)

var (
	sixDecimals = regexp.MustCompile(`^\d+\.\d{6}$`)
	plainNumber = regexp.MustCompile(`^\d+(\.\d+)?$`)
)

// readJSON reads keepalived.json of version 1: a bare array.
func readJSON(text []byte) ([]router, error) {
	if !bytes.HasSuffix(text, []byte("\n")) {
		return nil, errors.New("the last line is cut off")
	}
	var entries []jsonEntry
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, fmt.Errorf("neither exporter can decode it: %w", err)
	}
	var raw []struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	var out []router
	for i := range entries {
		r, err := entries[i].router()
		if err == nil {
			err = checkMembers(raw[i].Data)
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func (e *jsonEntry) router() (router, error) {
	d := &e.Data
	var r router
	switch {
	case d.Name == nil || d.Interface == nil || d.VRID == nil || d.State == nil || d.Want == nil || d.LastTransition == nil || d.GarpDelay == nil:
		return r, errors.New("one of iname, ifp_ifname, vrid, state, wantstate, last_transition, garp_delay is missing")
	case *d.State < 0 || *d.State >= len(states) || *d.Want < 0 || *d.Want >= len(states):
		return r, fmt.Errorf("state %d, wantstate %d: no such state", *d.State, *d.Want)
	case !sixDecimals.MatchString(d.LastTransition.String()):
		return r, fmt.Errorf("last_transition %s has not six decimals", d.LastTransition)
	case d.AuthData != nil && *d.AuthData != "********":
		return r, errors.New("a password in clear")
	}
	for _, key := range statKeys {
		if e.Stats[key] == nil {
			return r, fmt.Errorf("stats lacks %s", key)
		}
	}
	r = router{name: *d.Name, intf: *d.Interface, vrid: *d.VRID, state: *d.State, want: *d.Want, garpDelay: *d.GarpDelay}
	for _, a := range d.VIPs {
		if err := addAddress(&r.vips, &r, a); err != nil {
			return r, fmt.Errorf("vips: %s: %w", a, err)
		}
	}
	for _, a := range d.Excluded {
		if err := addAddress(&r.excluded, &r, a); err != nil {
			return r, fmt.Errorf("evips: %s: %w", a, err)
		}
	}
	return r, nil
}

// checkMembers is what VyOS needs, and what keepalived never writes.
func checkMembers(data map[string]json.RawMessage) error {
	for _, key := range vyosKeys {
		if data[key] == nil {
			return fmt.Errorf("data lacks %s (VyOS)", key)
		}
	}
	for key, value := range data {
		text := string(bytes.TrimSpace(value))
		switch {
		case text == "null", text == "[]":
			return fmt.Errorf("%s is %s: what is absent is left out", key, text)
		case slices.Contains([]string{"nopreempt", "promote_secondaries", "smtp_alert", "notify_deleted", "vipset"}, key) && text != "true" && text != "false":
			return fmt.Errorf("%s is %s, not a boolean", key, text)
		case (text[0] == '-' || text[0] >= '0' && text[0] <= '9') && !plainNumber.MatchString(text):
			return fmt.Errorf("%s is %s: no reader takes that for a number", key, text)
		}
	}
	return nil
}
