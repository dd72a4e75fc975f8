package vrrp

import (
	"keepalived/core/global"
	"keepalived/rpc/childapi"
)

func globalDefaults() *global.Config { return global.Default() }

// quietClient takes reports and sends them nowhere: it never runs.
func quietClient() *childapi.Client { return childapi.NewClient(childapi.Options{}) }
