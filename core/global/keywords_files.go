package global

import (
	"math"
	"strings"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func fileRows() []row {
	return []row{
		number("random_seed", 0, math.MaxUint32, "${_RANDOM} is seeded by the time", func(g *Config, n int64) {
			g.RandomSeed, g.RandomSeedSet = uint32(n), true
		}).or("the time"),
		text("tmp_config_directory", "<dir>", "tmp_config_directory missing directory name", func(g *Config) *string { return &g.TmpConfigDir }).
			effect("the configuration reaches the children through a socket, not through a file"),
		text("config_save_dir", "<dir>", "", func(g *Config) *string { return &g.ConfigSaveDir }).effect("configurations are not saved"),
		of("include_check", "[[+|-]read|match|wildcard_match|brace_match]...", readIncludeCheck),
		of("reload_check_config", "[<file>]", func(g *Config, c *cursor.Cursor) {
			w, _ := c.Next()
			g.ReloadCheck, g.ReloadCheckLog = true, w.Text
		}).value(config.Of(config.Text).OrNone()).or("off").effect("every reload is checked before it is applied"),
		text("reload_time_file", "<path>", "reload_time_file invalid", func(g *Config) *string { return &g.ReloadTimeFile }).effect(noTimed),
		flag("reload_repeat", func(g *Config) *bool { return &g.ReloadRepeat }).effect(noTimed),
		of("reload_file", "[<path>]", func(g *Config, c *cursor.Cursor) {
			w, _ := c.Next()
			g.ReloadFile, g.ReloadFileSet = w.Text, true
		}).value(config.Of(config.Text).OrNone()).or("off").effect(noTimed),
		boolean("data_use_instance", "Invalid value '%s' for global date_use_instance specified", func(g *Config) *bool { return &g.DataUseInstance }),
		text("state_dump_file", "<path>", "", func(g *Config) *string { return &g.StateDumpFile }).since("2.3.3").or("/tmp/keepalived.data"),
		text("stats_dump_file", "<path>", "", func(g *Config) *string { return &g.StatsDumpFile }).since("2.3.3").or("/tmp/keepalived.stats"),
		text("json_dump_file", "<path>", "", func(g *Config) *string { return &g.JSONDumpFile }).since("2.3.3").or("/tmp/keepalived.json"),
		number("json_version", 1, 2, "version 1 is written", func(g *Config, n int64) { g.JSONVersion = int(n) }).
			since("2.2.8").or("1").effect("version 1 is written"),
		text("iproute_usr_dir", "<dir>", "", func(g *Config) *string { return &g.IPRouteUsrDir }).since("2.3.2").or("/usr/share/iproute2"),
		text("iproute_etc_dir", "<dir>", "", func(g *Config) *string { return &g.IPRouteEtcDir }).since("2.3.2").or("/etc/iproute2"),
	}
}

// readIncludeCheck reads the strictness of includes. 2.2.7 calls two of its own
// names duplicates of "match"; here each is its own.
func readIncludeCheck(g *Config, c *cursor.Cursor) {
	all := Include{Readable: true, Match: true, WildcardMatch: true, BraceMatch: true}
	if !c.More() {
		g.Include = all
		return
	}
	w, _ := c.Peek()
	if !strings.HasPrefix(w.Text, "+") && !strings.HasPrefix(w.Text, "-") {
		g.Include = Include{}
	}
	for w, ok := c.Next(); ok; w, ok = c.Next() {
		on := !strings.HasPrefix(w.Text, "-")
		name := strings.TrimPrefix(strings.TrimPrefix(w.Text, "-"), "+")
		switch name {
		case "read", "readable":
			// The manual says readable, 2.2.7 understands read only.
			g.Include.Readable = on
		case "match":
			g.Include.Match = on
		case "wildcard_match":
			g.Include.WildcardMatch = on
		case "brace_match":
			g.Include.BraceMatch = on
		default:
			c.Errorf(w.Range, diag.BadValue, "Unknown include_check type '%s' - ignoring", name)
		}
	}
}
