package reconcile

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// thing is an object with one attribute.
type thing struct {
	name  string
	shade int
}

func (t thing) Key() string          { return t.name }
func (t thing) Same(have thing) bool { return t.shade == have.shade }

func TestDiff(t *testing.T) {
	t.Parallel()
	a, b, c := thing{"a", 0}, thing{"b", 0}, thing{"c", 0}
	a1 := thing{"a", 1}
	for _, tt := range []struct {
		name       string
		want, have []thing
		plan       Plan[thing]
	}{
		{name: "nothing from nothing"},
		{name: "the same is left alone, whatever the order", want: []thing{a, b}, have: []thing{b, a}},
		{name: "additions keep the order of want", want: []thing{c, a, b}, have: []thing{a}, plan: Plan[thing]{Add: []thing{c, b}}},
		{name: "removals go backwards", have: []thing{a, b, c}, plan: Plan[thing]{Remove: []thing{c, b, a}}},
		{name: "another attribute is a change", want: []thing{a1, b}, have: []thing{a, b},
			plan: Plan[thing]{Change: []Change[thing]{{From: a, To: a1}}}},
		{name: "wanted twice is added once, the first counts", want: []thing{a, a1}, plan: Plan[thing]{Add: []thing{a}}},
		{name: "there twice is removed once, as the first", have: []thing{a, b, a1}, plan: Plan[thing]{Remove: []thing{a, b}}},
		{name: "all at once", want: []thing{c, a1}, have: []thing{a, b},
			plan: Plan[thing]{Remove: []thing{b}, Change: []Change[thing]{{From: a, To: a1}}, Add: []thing{c}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := Diff(tt.want, tt.have)
			if d := cmp.Diff(tt.plan, got, cmp.AllowUnexported(thing{})); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
			if got.Empty() != cmp.Equal(tt.plan, Plan[thing]{}, cmp.AllowUnexported(thing{})) {
				t.Errorf("Empty() = %t", got.Empty())
			}
		})
	}
}

// Whatever is there, carrying out the plan leaves what is wanted, and the plan from
// there is empty.
func TestDiffConverges(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	some := func() []thing {
		list := make([]thing, r.IntN(8))
		for i := range list {
			list[i] = thing{string(rune('a' + r.IntN(6))), r.IntN(2)}
		}
		return list
	}
	for range 2000 {
		want, have := some(), some()
		kernel := map[string]thing{}
		for i := len(have) - 1; i >= 0; i-- {
			kernel[have[i].name] = have[i]
		}
		p := Diff(want, have)
		for _, o := range p.Remove {
			if _, there := kernel[o.name]; !there {
				t.Fatalf("want %v have %v: removes %v, which is not there", want, have, o)
			}
			delete(kernel, o.name)
		}
		for _, c := range p.Change {
			if kernel[c.From.name] != c.From {
				t.Fatalf("want %v have %v: changes %v, which is not there", want, have, c)
			}
			kernel[c.To.name] = c.To
		}
		for _, o := range p.Add {
			if _, there := kernel[o.name]; there {
				t.Fatalf("want %v have %v: adds %v, which is there", want, have, o)
			}
			kernel[o.name] = o
		}
		var left []thing
		for _, o := range kernel {
			left = append(left, o)
		}
		if again := Diff(want, left); !again.Empty() {
			t.Fatalf("want %v have %v: left %v needs %v", want, have, left, again)
		}
	}
}
