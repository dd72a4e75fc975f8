package dialect

import (
	"keepalived/core/config"
	"keepalived/core/diag"
)

// oldWords are keywords of versions before 2.2.7 that tutorials still carry. 2.2.7
// does not know them; they had no effect there, and have none here.
var oldWords = func() map[config.Old]string {
	const retry = "its successor is retry"
	const sync = "its successor is lvs_sync_daemon <interface> <instance> in global_defs"
	words := map[config.Old]string{
		{Path: "global_defs", Name: "lvs_id"}:                      "its successor is router_id",
		{Path: "global_defs", Name: "lvs_sync_daemon_interface"}:   sync,
		{Path: "global_defs", Name: "lvs_sync_daemon_inteface"}:    sync,
		{Path: "vrrp_instance", Name: "lvs_sync_daemon_inteface"}:  sync,
		{Path: "vrrp_instance", Name: "vrrp_unicast_bind"}:         "its successor is unicast_src_ip",
		{Path: "vrrp_instance", Name: "vrrp_unicast_peer"}:         "its successor is unicast_peer { }",
		{Path: "virtual_server", Name: "nat_mask"}:                 "no mask is needed: the line may go",
		{Path: "virtual_server/real_server", Name: "nat_mask"}:     "no mask is needed: the line may go",
		{Path: "virtual_server/real_server", Name: "nb_get_retry"}: retry,
		{Path: "virtual_server", Name: "nb_get_retry"}:             retry,
	}
	for _, check := range []string{"TCP_CHECK", "SMTP_CHECK", "DNS_CHECK", "MISC_CHECK", "UDP_CHECK", "PING_CHECK"} {
		words[config.Old{Path: "virtual_server/real_server/" + check, Name: "nb_get_retry"}] = retry
	}
	return words
}()

// manualWords are words that keepalived.conf(5) of keepalived describes and no version
// knows.
var manualWords = map[config.Old]string{
	{Path: "global_defs", Name: "state_file_location"}:               "write state_dump_file",
	{Path: "global_defs", Name: "stats_file_location"}:               "write stats_dump_file",
	{Path: "global_defs", Name: "json_file_location"}:                "write json_dump_file",
	{Path: "vrrp_sync_group", Name: "notify_deleted"}:                "write it in the vrrp_instance blocks",
	{Path: "virtual_server/real_server/FILE_CHECK", Name: "dynamic"}: "the file's number counts without it",
}

// oldZeros are the keywords to which older versions took 0 for "off", and 2.2.7
// complains and leaves its default, which is off as well.
var oldZeros = map[config.Old]string{
	{Path: "global_defs", Name: "vrrp_garp_interval"}:     "without the line there is no pause either",
	{Path: "global_defs", Name: "vrrp_gna_interval"}:      "without the line there is no pause either",
	{Path: "virtual_server", Name: "persistence_timeout"}: "without the line there is no persistence either",
}

// oldValues makes notes on what replaced them of complaints about values that older
// versions knew.
func oldValues(t *config.Tree, l diag.List) {
	places := map[diag.Range]string{}
	for _, root := range t.Roots {
		for _, n := range root.Block {
			use, ok := oldZeros[config.Old{Path: root.Keyword.Text, Name: n.Keyword.Text}]
			if ok && len(n.Args) > 0 && n.Args[0].Text == "0" {
				places[n.Args[0].Range] = use
			}
		}
	}
	for i := range l {
		if use, ok := places[l[i].Subject]; ok && l[i].Code == diag.BadNumber {
			l[i].Severity, l[i].Code, l[i].Hint = diag.Warning, diag.Deprecated, "0 was 'off' in older versions: "+use
		}
	}
}
