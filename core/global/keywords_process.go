package global

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func rootRows() []row {
	return []row{
		text("net_namespace", "<name>", "net_namespace name missing - ignoring", func(g *Config) *string { return &g.Namespace }).root(),
		of("net_namespace_ipvs", "[<name>]", func(g *Config, c *cursor.Cursor) {
			w, _ := c.Next()
			g.NamespaceIPVS, g.NamespaceIPVSSet = w.Text, true
		}).root(),
		flag("namespace_with_ipsets", func(g *Config) *bool { return &g.NamespaceIPSets }).root().effect(noFirewall),
		flag("use_pid_dir", func(g *Config) *bool { return &g.UsePIDDir }).root(),
		text("instance", "<name>", "instance name missing - ignoring", func(g *Config) *string { return &g.Instance }).root(),
		number("child_wait_time", 0, math.MaxUint32, "child_wait_time stays at its default", func(g *Config, n int64) {
			g.ChildWait = time.Duration(min(n, math.MaxInt32)) * time.Second
		}).root().seconds().or("5"),
		flag("linkbeat_use_polling", func(g *Config) *bool { return &g.LinkbeatPolling }).root().effect("link state is always taken from netlink"),
	}
}

func identityRows() []row {
	return []row{
		text("router_id", "<string>", "routerid name missing - ignoring", func(g *Config) *string { return &g.RouterID }).or("the host name"),
		flag("process_names", func(g *Config) *bool { return &g.ProcessNames }),
		processName("process_name", func(g *Config) *Process { return &g.Parent }),
		processName("vrrp_process_name", func(g *Config) *Process { return &g.VRRP }),
		processName("checker_process_name", func(g *Config) *Process { return &g.Checker }),
		processName("lvs_process_name", func(g *Config) *Process { return &g.Checker }).insteadOf("checker_process_name"),
		processName("bfd_process_name", func(g *Config) *Process { return &g.BFD }).effect(noBFD),
		of("umask", "<number> | <bit>[|<bit>]...", readUmask).need(1).within("0..0777").or("0177"),
		of("script_user", "<user> [[:]<group>]", func(g *Config, c *cursor.Cursor) {
			w, ok := wordOr(c, "No script username specified")
			if !ok {
				return
			}
			g.ScriptUser = ScriptUser{User: w.Text, Range: w.Range}
			if group, ok := c.Next(); ok {
				g.ScriptUser.Group, g.ScriptUser.AllGroups = strings.CutPrefix(group.Text, ":")
			}
		}).or("keepalived_script if there is such a user, else root"),
		flag("enable_script_security", func(g *Config) *bool { return &g.ScriptSecurity }),
		boolean("use_symlink_paths", "", func(g *Config) *bool { return &g.UseSymlinkPaths }).since("2.3.0"),
		boolean("set_supplementary_groups", "", func(g *Config) *bool { return &g.SupplementaryGroups }).since("2.3.0"),
		lifeScript("startup_script", func(g *Config) **cursor.Script { return &g.StartupScript }).effect(noLife),
		lifeScript("shutdown_script", func(g *Config) **cursor.Script { return &g.ShutdownScript }).effect(noLife),
		lifeTimeout("startup_script_timeout", func(g *Config) *time.Duration { return &g.StartupTimeout }).effect(noLife),
		lifeTimeout("shutdown_script_timeout", func(g *Config) *time.Duration { return &g.ShutdownTimeout }).effect(noLife),
	}
}

// maxComm is the longest name the kernel keeps for a process.
const maxComm = 15

func processName(name string, at func(*Config) *Process) row {
	return of(name, "", func(g *Config, c *cursor.Cursor) {
		w, ok := c.Word()
		if !ok {
			return
		}
		if len(w.Text) > maxComm {
			c.Errorf(w.Range, diag.BadValue, "Process name %s more than %d characters, truncating", w.Text, maxComm)
			w.Text = w.Text[:maxComm]
		}
		at(g).Name = w.Text
	}).value(config.Of(config.Text)).need(1).within("at most 15 characters").or("keepalived")
}

func lifeScript(name string, at func(*Config) **cursor.Script) row {
	which, _, _ := strings.Cut(name, "_")
	return of(name, "", func(g *Config, c *cursor.Cursor) {
		s, ok := c.Script()
		switch {
		case !ok:
			c.Errorf(c.Range(), diag.BadValue, "%s script missing", which)
		case *at(g) != nil:
			c.Errorf(s.Range, diag.Duplicate, "%s script already specified", which)
		default:
			*at(g) = s
		}
	}).asScript().or("none")
}

func lifeTimeout(name string, at func(*Config) *time.Duration) row {
	r := number(name, 1, 1000, name+" stays as it is", func(g *Config, n int64) { *at(g) = time.Duration(n) * time.Second })
	into := r.Into
	r.Need = 0
	r.Into = func(g *Config, c *cursor.Cursor) {
		if !c.More() {
			c.Errorf(c.Range(), diag.BadValue, "%s requires value", name)
			return
		}
		into(g, c)
	}
	return r.seconds().or("10")
}

// readUmask reads a number with C's prefixes or permission bits joined by "|".
func readUmask(g *Config, c *cursor.Cursor) {
	w, ok := c.Word()
	if !ok {
		return
	}
	if w.Text[:min(1, len(w.Text))] >= "0" && w.Text[:1] <= "9" {
		n, err := strconv.ParseUint(w.Text, 0, 32)
		if err != nil || n > 0o777 || strings.HasPrefix(w.Text, "0o") || strings.HasPrefix(w.Text, "0b") || strings.Contains(w.Text, "_") {
			c.Errorf(w.Range, diag.BadNumber, "invalid umask value %s", w.Text)
			return
		}
		g.Umask, g.UmaskSet = uint32(n), true
		return
	}
	mask := uint32(0)
	text := w.Text
	for _, more := range c.Rest() { // "IRUSR | IWUSR"
		text += more.Text
	}
	for _, bit := range strings.Split(text, "|") {
		v, ok := modeBit(bit)
		if !ok {
			c.Errorf(w.Range, diag.BadValue, "Unknown umask bit %s", bit)
			return
		}
		mask |= v
	}
	g.Umask, g.UmaskSet = mask, true
}

// modeBit is the permission of sys/stat.h's name without its S_: IRUSR, IRWXG.
func modeBit(name string) (uint32, bool) {
	perms := map[string]uint32{"R": 4, "W": 2, "X": 1, "RWX": 7}
	who := map[string]uint32{"USR": 6, "GRP": 3, "OTH": 0, "U": 6, "G": 3, "O": 0}
	for p, bits := range perms {
		for w, shift := range who {
			if name == "I"+p+w && (len(p) == 3) == (len(w) == 1) {
				return bits << shift, true
			}
		}
	}
	return 0, false
}

func processRows() []row {
	rows := []row{
		of("max_auto_priority", "", func(g *Config, c *cursor.Cursor) {
			g.MaxAutoPriority = 99
			if !c.More() {
				return
			}
			n, ok := c.Number()
			if !ok {
				c.Hint("must be in [0, 99] (or -1 to disable) - ignoring")
				n = 0
			}
			g.MaxAutoPriority = int(n)
		}).value(config.Whole(-1, 99).OrNone()).or("0: off").effect(noSched),
		of("min_auto_priority_delay", "", func(g *Config, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "min_auto_priority_delay requires delay time")
				return
			}
			if n, ok := c.Number(); ok {
				g.MinAutoPriorityDelay = time.Duration(n) * time.Microsecond
			}
		}).value(config.Whole(1, 10_000_000).In(config.Microseconds)).or("1000000").effect(noSched),
	}
	kinds := []struct {
		name string
		at   func(*Config) *Process
	}{
		{"vrrp", func(g *Config) *Process { return &g.VRRP }},
		{"checker", func(g *Config) *Process { return &g.Checker }},
		{"bfd", func(g *Config) *Process { return &g.BFD }},
	}
	for _, k := range kinds {
		rows = append(rows, schedulingRows(k.name, k.at)...)
	}
	return rows
}

func schedulingRows(kind string, at func(*Config) *Process) []row {
	limit := func(name string) row {
		return number(name, 1, math.MaxUint32, "Invalid "+kind+" real-time limit", func(g *Config, n int64) {
			at(g).RTTime = time.Duration(max(n, 2)) * time.Microsecond
		}).value(config.Whole(1, math.MaxUint32).In(config.Microseconds)).or("10000")
	}
	rows := []row{
		of(kind+"_priority", "", func(g *Config, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "No %s process priority specified", kind)
			} else if n, ok := c.Number(); ok {
				at(g).Nice = int(n)
			}
		}).value(config.Whole(-20, 19)).or("0"),
		flag(kind+"_no_swap", func(g *Config) *bool { return &at(g).NoSwap }),
		of(kind+"_rt_priority", "", func(g *Config, c *cursor.Cursor) { readRTPriority(kind, at(g), c) }).value(config.Whole(1, 99)).or("off"),
		limit(kind + "_rlimit_rttime"),
		limit(kind + "_rlimit_rtime").insteadOf(kind + "_rlimit_rttime"),
		of(kind+"_cpu_affinity", "<cpu>...", func(g *Config, c *cursor.Cursor) { readCPUs(kind, at(g), c) }).or("all"),
	}
	for i := range rows {
		rows[i].Effect = noSched
	}
	return rows
}

func readRTPriority(kind string, p *Process, c *cursor.Cursor) {
	w, ok := wordOr(c, "No "+kind+" process real-time priority specified")
	if !ok {
		return
	}
	n, ok := c.ParseInt(w, w.Text, math.MinInt32, math.MaxInt32)
	if !ok {
		return
	}
	v := c.Value()
	if n < v.Min {
		c.Errorf(w.Range, diag.BadNumber, "%s process real-time priority %d less than minimum %d - setting to minimum", kind, n, v.Min)
	}
	if n > v.Max {
		c.Errorf(w.Range, diag.BadNumber, "%s process real-time priority %d greater than maximum %d - setting to maximum", kind, n, v.Max)
	}
	p.RTPriority = int(min(max(n, v.Min), v.Max))
}

// maxCPU is the number of processors the kernel can be built for. Whether this
// machine has one of that number is found out when the affinity is set.
const maxCPU = 8191

func readCPUs(kind string, p *Process, c *cursor.Cursor) {
	if !c.More() {
		c.Errorf(c.Range(), diag.BadValue, "No %s cpu_id set specified", kind)
		return
	}
	var cpus []int
	for c.More() {
		n, ok := c.Int(0, maxCPU)
		if !ok {
			p.CPUs = nil // one bad id clears the set
			return
		}
		cpus = append(cpus, int(n))
	}
	slices.Sort(cpus)
	p.CPUs = slices.Compact(cpus)
}
