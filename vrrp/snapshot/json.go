package snapshot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// JSON writes keepalived.json in the layout of version 1: a bare array, one line, `/`
// escaped, booleans and 0/1 numbers where 2.2.7 has them. Nil when there is no
// instance: keepalived writes no file then, and readers take that for "no data".
func (s *Snapshot) JSON() ([]byte, error) {
	if len(s.Instances) == 0 {
		return nil, nil
	}
	list := make([]jsonEntry, len(s.Instances))
	for i := range s.Instances {
		list[i] = s.Instances[i].json()
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(list); err != nil {
		return nil, fmt.Errorf("writing the VRRP state as JSON: %w", err)
	}
	// A slash only ever stands inside a string, where \/ means the same.
	return bytes.ReplaceAll(b.Bytes(), []byte("/"), []byte(`\/`)), nil
}

type jsonEntry struct {
	Data  jsonData  `json:"data"`
	Stats jsonStats `json:"stats"`
}

type jsonData struct {
	Name               string      `json:"iname"`
	DontTrackPrimary   int         `json:"dont_track_primary"`
	SkipCheckAdvAddr   int         `json:"skip_check_adv_addr"`
	Strict             int         `json:"strict_mode"`
	VMAC               string      `json:"vmac_ifname"`
	Interface          string      `json:"ifp_ifname"`
	MasterPriority     uint8       `json:"master_priority"`
	LastTransition     json.Number `json:"last_transition"`
	GarpDelay          int64       `json:"garp_delay"`
	GarpRefresh        int64       `json:"garp_refresh"`
	GarpRepeat         int         `json:"garp_rep"`
	GarpRefreshRepeat  int         `json:"garp_refresh_rep"`
	GarpLowerDelay     int64       `json:"garp_lower_prio_delay"`
	GarpLowerRepeat    int         `json:"garp_lower_prio_rep"`
	LowerNoAdvert      int         `json:"lower_prio_no_advert"`
	HigherSendAdvert   int         `json:"higher_prio_send_advert"`
	VRID               uint8       `json:"vrid"`
	Priority           uint8       `json:"base_priority"`
	Effective          uint8       `json:"effective_priority"`
	VIPSet             bool        `json:"vipset"`
	PromoteSecondaries bool        `json:"promote_secondaries"`
	AdverInt           json.Number `json:"adver_int"`
	MasterAdverInt     json.Number `json:"master_adver_int"`
	Accept             int         `json:"accept"`
	NoPreempt          bool        `json:"nopreempt"`
	PreemptDelay       int64       `json:"preempt_delay"` // whole seconds, as 2.2.7
	State              State       `json:"state"`
	Want               State       `json:"wantstate"`
	Version            int         `json:"version"`
	SMTPAlert          bool        `json:"smtp_alert"`
	NotifyDeleted      bool        `json:"notify_deleted"`
	ScriptBackup       string      `json:"script_backup,omitempty"`
	ScriptMaster       string      `json:"script_master,omitempty"`
	ScriptFault        string      `json:"script_fault,omitempty"`
	ScriptStop         string      `json:"script_stop,omitempty"`
	ScriptDeleted      string      `json:"script_deleted,omitempty"`
	Script             string      `json:"script,omitempty"`
	ScriptRxLower      string      `json:"script_master_rx_lower_pri,omitempty"`
	VIPs               []string    `json:"vips,omitempty"`
	Excluded           []string    `json:"evips,omitempty"`
	Routes             []string    `json:"vroutes,omitempty"`
	Rules              []string    `json:"vrules,omitempty"`
	TrackInterfaces    []string    `json:"track_ifp,omitempty"`
	TrackScripts       []string    `json:"track_script,omitempty"`
	AuthType           int         `json:"auth_type"`
	AuthData           string      `json:"auth_data,omitempty"`
}

type jsonStats struct {
	AdvertRcvd       uint64 `json:"advert_rcvd"`
	AdvertSent       uint64 `json:"advert_sent"`
	BecomeMaster     uint64 `json:"become_master"`
	ReleaseMaster    uint64 `json:"release_master"`
	PacketLenErr     uint64 `json:"packet_len_err"`
	AdvertIntervErr  uint64 `json:"advert_interval_err"`
	IPTTLErr         uint64 `json:"ip_ttl_err"`
	InvalidTypeRcvd  uint64 `json:"invalid_type_rcvd"`
	AddrListErr      uint64 `json:"addr_list_err"`
	InvalidAuthtype  uint64 `json:"invalid_authtype"`
	AuthtypeMismatch uint64 `json:"authtype_mismatch"`
	AuthFailure      uint64 `json:"auth_failure"`
	PriZeroRcvd      uint64 `json:"pri_zero_rcvd"`
	PriZeroSent      uint64 `json:"pri_zero_sent"`
}

func (v *Instance) json() jsonEntry {
	d := jsonData{
		Name: v.Name, DontTrackPrimary: number(v.DontTrackPrimary), SkipCheckAdvAddr: number(v.SkipCheckAdvAddr),
		Strict: number(v.Strict), Interface: v.Interface,
		LastTransition: json.Number(v.Since.Seconds()),
		GarpDelay:      seconds(v.GarpDelay), GarpRefresh: seconds(v.GarpRefresh), GarpRepeat: v.GarpRepeat,
		GarpRefreshRepeat: v.GarpRefreshRepeat, GarpLowerDelay: seconds(v.GarpLowerDelay), GarpLowerRepeat: v.GarpLowerRepeat,
		LowerNoAdvert: number(v.LowerPrioNoAdvert), HigherSendAdvert: number(v.HigherPrioSendAdvert),
		VRID: v.VRID, Priority: v.Priority, Effective: v.Effective, VIPSet: v.State == Master,
		PromoteSecondaries: v.PromoteSecondaries, AdverInt: decimal(v.AdvertInt), MasterAdverInt: decimal(v.MasterAdver),
		Accept: number(v.Accept), NoPreempt: !v.Preempt, PreemptDelay: seconds(v.PreemptDelay),
		State: v.State, Want: v.Want, Version: v.Version, SMTPAlert: v.SMTPAlert, NotifyDeleted: v.NotifyDeleted,
		ScriptBackup: v.Scripts.Backup.Argv, ScriptMaster: v.Scripts.Master.Argv, ScriptFault: v.Scripts.Fault.Argv,
		ScriptStop: v.Scripts.Stop.Argv, ScriptDeleted: v.Scripts.Deleted.Argv, Script: v.Scripts.Generic.Argv,
		ScriptRxLower: v.Scripts.RxLowerPrio.Argv,
		VIPs:          lines(v.VIPs), Excluded: lines(v.Excluded),
	}
	if v.State != Master {
		d.MasterPriority = v.MasterPrio
	}
	for i := range v.Routes {
		d.Routes = append(d.Routes, routeText(&v.Routes[i]))
	}
	for i := range v.Rules {
		d.Rules = append(d.Rules, ruleText(&v.Rules[i]))
	}
	for _, t := range v.TrackedInterfaces {
		d.TrackInterfaces = append(d.TrackInterfaces, t.Name)
	}
	for _, t := range v.TrackedScripts {
		d.TrackScripts = append(d.TrackScripts, t.Command)
	}
	switch {
	case v.AuthPass:
		d.AuthType, d.AuthData = 1, "********"
	case v.AuthAH:
		d.AuthType, d.AuthData = 2, "********"
	}
	return jsonEntry{Data: d, Stats: v.Counters.json()}
}

func (c *Counters) json() jsonStats {
	return jsonStats{
		AdvertRcvd: c.AdvertsReceived, AdvertSent: c.AdvertsSent, BecomeMaster: c.BecameMaster, ReleaseMaster: c.ReleasedMaster,
		PacketLenErr: c.LengthErrors, AdvertIntervErr: c.IntervalErrors, IPTTLErr: c.TTLErrors, InvalidTypeRcvd: c.TypeErrors,
		AddrListErr: c.AddressErrors, InvalidAuthtype: c.AuthTypeInvalid, AuthtypeMismatch: c.AuthMismatch, AuthFailure: c.AuthFailures,
		PriZeroRcvd: c.PriorityZeroReceived, PriZeroSent: c.PriorityZeroSent,
	}
}

func lines(list []Address) []string {
	var out []string
	for i := range list {
		out = append(out, list[i].String())
	}
	return out
}

// decimal writes seconds in the shortest form without an exponent: some readers
// refuse 1e-02.
func decimal(d time.Duration) json.Number {
	return json.Number(strconv.FormatFloat(d.Seconds(), 'f', -1, 64))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
