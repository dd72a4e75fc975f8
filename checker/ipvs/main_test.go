package ipvs

import (
	"testing"

	"keepalived/test/uml"
)

func TestMain(m *testing.M) { uml.Main(m, "ip_vs") }
