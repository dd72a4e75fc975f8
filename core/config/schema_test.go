package config

import "strings"

// testSchema is a small part of keepalived's language, enough for every rule of
// the parser; the whole is the decoders'.
func testSchema() *Schema {
	table := func(path string, spec string) (t []Keyword) {
		for _, name := range strings.Fields(spec) {
			k := Keyword{Path: path}
			name, need, _ := strings.Cut(name, "/")
			k.Need = len(need)
			switch {
			case strings.HasSuffix(name, "{}"):
				k.Kind = List
			case strings.HasSuffix(name, "{"):
				k.Kind = Block
			case strings.HasSuffix(name, "%"):
				k.Skip, k.Kind = true, Block
			case strings.HasSuffix(name, "'"):
				k.Script = true
			}
			k.Name = strings.TrimRight(name, "{}%'")
			t = append(t, k)
		}
		return t
	}
	return NewSchema(
		table("", "global_defs{ vrrp_instance{ vrrp_script{/1 vrrp_sync_group{ virtual_server{/1 static_routes{} bfd_instance%/1 net_namespace/1"),
		table("global_defs", `notification_email{} notification_email_from/1 smtp_server/1 smtp_connect_timeout/1 router_id/1
			vrrp_strict vrrp_skip_check_adv_addr vrrp_garp_interval/1 vrrp_gna_interval/1 enable_script_security
			script_user/1 include_check lvs_sync_daemon/1 lvs_timeouts`),
		table("vrrp_instance", `state/1 interface/1 virtual_router_id/1 priority/1 advert_int/1 nopreempt preempt_delay/1
			authentication{ virtual_ipaddress{} virtual_ipaddress_excluded{} track_interface{} track_script{} unicast_peer{}
			unicast_src_ip/1 notify'/1 notify_master'/1 notify_backup'/1 garp_master_delay/1 virtual_routes{} smtp_alert`),
		table("vrrp_instance/authentication", "auth_type/1 auth_pass/1"),
		table("vrrp_script", "script'/1 interval/1 weight/1 fall/1 rise/1 timeout/1 user/1"),
		table("vrrp_sync_group", "group{} notify_master'/1"),
		table("virtual_server", "delay_loop/1 lb_algo/1 lb_kind/1 lvs_sched/1 lvs_method/1 protocol/1 persistence_timeout/1 sorry_server/1 real_server{/1"),
		table("virtual_server/real_server", "weight/1 inhibit_on_failure HTTP_GET{ TCP_CHECK{ MISC_CHECK{"),
		table("virtual_server/real_server/TCP_CHECK", "connect_timeout/1 connect_port/1 retry/1 delay_before_retry/1"),
		table("virtual_server/real_server/MISC_CHECK", "misc_path'/1"),
		table("virtual_server/real_server/HTTP_GET", "url{ connect_timeout/1 retry/1 delay_before_retry/1"),
		table("virtual_server/real_server/HTTP_GET/url", "path/1 digest/1 status_code"),
	)
}
