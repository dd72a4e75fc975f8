// Package exporters reads keepalived's dumps as the programs do that monitor it:
// mehdy/keepalived-exporter in its text and JSON modes, gen2brain/keepalived_exporter,
// VyOS, Vyatta and the one-line greps. It is a reading of their rules of its own, not
// our writers turned round, and stricter than they are in one point: what they lose in
// silence is an error here. It imports nothing of the project.
package exporters

import (
	"errors"
	"fmt"
	"slices"
)

// Check reads the three dumps of one moment. json is empty when there is no instance:
// keepalived writes no file then. The error names every reader that would fail.
func Check(data, stats, json []byte) error {
	text, err := readText(data)
	if err != nil {
		return fmt.Errorf("keepalived.data: %w", err)
	}
	counted, err := readStats(stats)
	if err != nil {
		return fmt.Errorf("keepalived.stats: %w", err)
	}
	var parsed []router
	if len(json) > 0 {
		if parsed, err = readJSON(json); err != nil {
			return fmt.Errorf("keepalived.json: %w", err)
		}
		if len(parsed) == 0 {
			return errors.New("keepalived.json: an empty list reads as a healthy keepalived without instances; there must be no file")
		}
	}
	names := make([]string, len(text))
	for i := range text {
		names[i] = text[i].name
	}
	if !slices.Equal(names, counted) {
		return fmt.Errorf("keepalived.data has instances %q, keepalived.stats %q: mehdy's exporter refuses both", names, counted)
	}
	if err := checkGreps(string(data), len(text) > 0); err != nil {
		return fmt.Errorf("keepalived.data: %w", err)
	}
	return sameRouters(text, parsed)
}

// router is what an exporter knows of an instance.
type router struct {
	name, intf             string
	vrid                   int
	state, want, garpDelay int
	vips, excluded         []string // as labels: address and interface
}

// states as text; the index is the number in JSON.
var states = []string{"INIT", "BACKUP", "MASTER", "FAULT"}

// sameRouters compares what cannot change from one dump to the next; states may.
func sameRouters(text, parsed []router) error {
	if len(text) != len(parsed) {
		return fmt.Errorf("keepalived.data has %d instances, keepalived.json %d", len(text), len(parsed))
	}
	for i, a := range text {
		b := parsed[i]
		if a.name != b.name || a.intf != b.intf || a.vrid != b.vrid || a.garpDelay != b.garpDelay ||
			!slices.Equal(a.vips, b.vips) || !slices.Equal(a.excluded, b.excluded) {
			return fmt.Errorf("instance %s is not the same in keepalived.data (%+v) and keepalived.json (%+v)", a.name, a, b)
		}
	}
	return nil
}
