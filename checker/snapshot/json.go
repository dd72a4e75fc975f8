package snapshot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"keepalived/checker/health"
)

// JSON writes the state of the checkers. keepalived has no such file; names are those
// of the configuration, times are seconds, one object on one line.
func (s *Snapshot) JSON() ([]byte, error) {
	root := jsonRoot{Services: make([]jsonService, len(s.Services))}
	for i := range s.Services {
		root.Services[i] = s.Services[i].json()
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("writing the checkers' state as JSON: %w", err)
	}
	return b.Bytes(), nil
}

type jsonRoot struct {
	Services []jsonService `json:"virtual_servers"`
}

type jsonService struct {
	Name       string       `json:"name"`
	Key        string       `json:"key"`
	Family     string       `json:"ip_family"`
	Protocol   string       `json:"protocol"`
	Scheduler  string       `json:"lvs_sched"`
	Method     string       `json:"lvs_method"`
	Quorum     uint32       `json:"quorum"`
	Hysteresis uint32       `json:"hysteresis"`
	Total      int64        `json:"weight"`
	Up         bool         `json:"quorum_up"`
	Sorry      string       `json:"sorry_server,omitempty"`
	SorryIn    bool         `json:"sorry_server_active"`
	Servers    []jsonServer `json:"real_servers"`
}

type jsonServer struct {
	Name     string      `json:"name"`
	Key      string      `json:"key"`
	Method   string      `json:"lvs_method"`
	Alive    bool        `json:"alive"`
	Since    json.Number `json:"since,omitempty"`
	Weight   int32       `json:"weight"`
	Initial  int32       `json:"initial_weight"`
	Set      bool        `json:"set"` // is to be in ip_vs
	Wanted   int32       `json:"ipvs_weight"`
	Override string      `json:"override,omitempty"` // drain, disable, weight
	Active   *int64      `json:"active_connections,omitempty"`
	Inactive *int64      `json:"inactive_connections,omitempty"`
	Checks   []jsonCheck `json:"checkers"`
}

type jsonCheck struct {
	Type      string      `json:"type"`
	Up        bool        `json:"up"`
	HasRun    bool        `json:"has_run"`
	Suspended bool        `json:"suspended,omitempty"`
	Since     json.Number `json:"since"`
	LastRan   json.Number `json:"last_ran,omitempty"`
	Good      bool        `json:"last_good"`
	Cause     string      `json:"last_failure,omitempty"`
	Exit      *int32      `json:"exit_status,omitempty"`
	Delta     int32       `json:"weight"`
	Retries   uint32      `json:"retries"`
	URL       string      `json:"failed_url,omitempty"`
}

func (v *Service) json() jsonService {
	c := v.Config
	j := jsonService{
		Name: c.Name(), Key: v.Key, Family: c.Family.String(), Protocol: c.Protocol.String(), Scheduler: c.Scheduler,
		Method: c.Forwarding.Method.String(), Quorum: c.Quorum, Hysteresis: c.Hysteresis, Total: v.Total,
		Up: v.Up, SorryIn: v.SorryIn, Servers: make([]jsonServer, len(v.Servers)),
	}
	if c.Sorry != nil {
		j.Sorry = c.SorryName()
	}
	for i := range v.Servers {
		j.Servers[i] = v.Servers[i].json()
	}
	return j
}

func (r *Server) json() jsonServer {
	c := r.Config
	j := jsonServer{
		Name: c.Name(), Key: r.Key, Method: c.Forwarding.Method.String(), Alive: r.Alive, Weight: r.Weight, Initial: c.Weight,
		Set: r.Set, Wanted: r.Wanted, Override: override(r.Override), Checks: make([]jsonCheck, len(r.Checks)),
	}
	if r.Since.Micros != 0 {
		j.Since = json.Number(r.Since.Seconds())
	}
	if r.Active >= 0 {
		j.Active, j.Inactive = &r.Active, &r.Inactive
	}
	for i := range r.Checks {
		k := &r.Checks[i]
		c := jsonCheck{
			Type: k.Config.Kind.String(), Up: k.Up, HasRun: k.HasRun, Suspended: k.Suspended, Since: json.Number(k.Since.Seconds()),
			Good: k.Good, Cause: causes[k.Cause], Delta: k.Delta, Retries: k.Iterations,
		}
		if k.LastRan.Micros != 0 {
			c.LastRan = json.Number(k.LastRan.Seconds())
		}
		if k.Config.Misc != nil {
			c.Exit = &k.Exit
		}
		if h := k.Config.HTTP; h != nil && k.Failed > 0 && int(k.Failed) <= len(h.URLs) {
			c.URL = h.URLs[k.Failed-1].Path
		}
		j.Checks[i] = c
	}
	return j
}

// override is what the operator has set, in keepalivedctl's words.
func override(o health.Override) string {
	var words []string
	if o.Mode != health.Normal {
		words = append(words, map[health.Mode]string{health.Draining: "drain", health.Disabled: "disable"}[o.Mode])
	}
	if o.HasWeight {
		words = append(words, fmt.Sprintf("weight %d", o.Weight))
	}
	return strings.Join(words, ", ")
}

// causes are why a probe failed, in a few words.
var causes = map[health.Cause]string{
	health.CauseRefused: "connection failed", health.CauseTimeout: "connection timeout", health.CauseReadTimeout: "read timeout",
	health.CauseStatus: "HTTP status", health.CauseDigest: "MD5 digest", health.CauseTLS: "SSL handshake", health.CauseRead: "no valid answer",
	health.CauseExit: "exit status", health.CauseSignal: "killed by a signal", health.CauseScriptLimit: "script timed out", health.CauseLocal: "could not be made",
	health.CauseUnreachable: "network unreachable", health.CauseStalled: "answer not whole in time", health.CauseReset: "connection reset", health.CauseNoAnswer: "closed without an answer",
	health.CauseHandshakeReset: "connection reset in the SSL handshake",
}
