package track

import (
	"math"
	"strings"
	"testing"
)

// A sequence of results is written as letters, s for success and f for failure;
// the standing after each is G or b, in capitals or not where it changed: see want.
func TestCounter(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name       string
		rise, fall int
		start      Counter
		results    string
		want       string // G good, b bad; ! behind where Changed
	}{
		{"one of each: every result counts", 1, 1, Counter{}, "sffs", "G!b!bG!"},
		{"the first success counts at once, whatever rise", 3, 1, Counter{}, "s", "G!"},
		{"the first failure counts at once, whatever fall", 1, 3, Counter{}, "f", "b!"},
		{"fall failures in a row", 1, 3, Counter{}, "sfff", "G!GGb!"},
		{"a success between starts the count anew", 1, 3, Counter{}, "sffsfff", "G!GGGGGb!"},
		{"rise successes in a row", 3, 1, Counter{}, "fsss", "b!bbG!"},
		{"a failure between starts the count anew", 3, 1, Counter{}, "fssfsss", "b!bbbbbG!"},
		{"rise and fall together", 2, 2, Counter{}, "sfsffsfss", "G!GGGb!bbbG!"},
		{"init_fail: rise successes are due", 2, 1, Failed(), "ss", "bG!"},
		{"init_fail: a failure is nothing new", 1, 1, Failed(), "f", "b"},
	}
	for _, c := range cases {
		counter, got := c.start, ""
		for _, r := range c.results {
			var res Result
			counter, res = counter.Next(c.rise, c.fall, r == 's')
			got += map[bool]string{true: "G", false: "b"}[res.Good]
			if res.Changed {
				got += "!"
			}
			if res.Good != counter.Good(c.rise) || !counter.Seen() {
				t.Errorf("%s: result and counter disagree: %+v, %+v", c.name, res, counter)
			}
			if v := counter.Value(); v < 0 || v > c.rise+c.fall-1 {
				t.Errorf("%s: counter %d outside 0..rise+fall-1", c.name, v)
			}
		}
		if got != c.want {
			t.Errorf("%s: rise %d fall %d, %s: want %s, got %s", c.name, c.rise, c.fall, c.results, c.want, got)
		}
	}
	if (Counter{}).Good(1) || (Counter{}).Seen() {
		t.Error("the zero Counter has seen nothing and is not good")
	}
}

// Values observed on 2.2.7 with priority 100 are marked so.
func TestWeightOf(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		w        Weight
		up, down Effect
	}{
		{"0: failure is a fault", Weight{}, Effect{}, Effect{Fault: true}},
		{"0 reverse: success is the fault", Weight{Reverse: true}, Effect{Fault: true}, Effect{}},
		{"positive: counts when up", Weight{Value: 5}, Effect{Delta: 5}, Effect{}},
		{"negative: counts when down", Weight{Value: -5}, Effect{}, Effect{Delta: -5}},
		{"positive reverse (observed: 95 and 100)", Weight{5, true}, Effect{Delta: -5}, Effect{}},
		{"negative reverse (observed: 100 and 105)", Weight{-5, true}, Effect{}, Effect{Delta: 5}},
	}
	for _, c := range cases {
		if up, down := c.w.Of(true), c.w.Of(false); up != c.up || down != c.down {
			t.Errorf("%s: want up %+v down %+v, got %+v %+v", c.name, c.up, c.down, up, down)
		}
	}
}

func TestWeightOfFile(t *testing.T) {
	t.Parallel()
	fault := Effect{Fault: true}
	cases := []struct {
		name  string
		w     Weight
		value int64
		want  Effect
	}{
		{"weight 0, 0 in the file", Weight{}, 0, Effect{}},
		{"weight 0, anything else is a fault", Weight{}, 1, fault},
		{"weight 0, negative too", Weight{}, -1, fault},
		{"weight 0 reverse: 0 is the fault", Weight{Reverse: true}, 0, fault},
		{"weight 0 reverse: else fine", Weight{Reverse: true}, 3, Effect{}},
		{"product", Weight{Value: 2}, 3, Effect{Delta: 6}},
		{"product reverse (observed: 94)", Weight{2, true}, 3, Effect{Delta: -6}},
		{"negative number", Weight{Value: 1}, -10, Effect{Delta: -10}},
		{"at most 253 (observed: total 353)", Weight{Value: 200}, 3, Effect{Delta: 253}},
		{"-253 is the last that counts", Weight{Value: -1}, 253, Effect{Delta: -253}},
		{"-254 is a fault", Weight{Value: -1}, 254, fault},
		{"below -253 (observed: status -600)", Weight{Value: -200}, 3, fault},
		{"largest number", Weight{Value: 254}, math.MaxInt32, Effect{Delta: 253}},
		{"smallest number", Weight{Value: 254}, math.MinInt32, fault},
	}
	for _, c := range cases {
		if got := c.w.OfFile(c.value); got != c.want {
			t.Errorf("%s: want %+v, got %+v", c.name, c.want, got)
		}
	}
}

func TestPriority(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		base  uint8
		total int
		want  uint8
	}{
		{"nothing tracked", 100, 0, 100},
		{"script 10 and file 2 on 100 (observed: 112)", 100, 12, 112},
		{"not above 254", 100, 253, 254},
		{"not below 1", 100, -253, 1},
		{"nobody reaches 255", 254, 1, 254},
		{"the owner is not changed", 255, -100, 255},
	}
	for _, c := range cases {
		if got := Priority(c.base, c.total); got != c.want {
			t.Errorf("%s: want %d, got %d", c.name, c.want, got)
		}
	}
	if got := Sum(Effect{Delta: 10}, Effect{Fault: true}, Effect{Delta: -3}); got != (Effect{Fault: true, Delta: 7}) {
		t.Errorf("Sum: got %+v", got)
	}
}

func TestFileValue(t *testing.T) {
	t.Parallel()
	cases := []struct {
		content string
		want    int64
		ok      bool
	}{
		{"", 0, true}, {"abc", 0, true}, {"3", 3, true}, {"3\n", 3, true}, {" 7", 7, true},
		{"5abc", 5, true}, {"-12", -12, true}, {"+4", 4, true}, {"- 4", 0, true},
		{"0x10", 16, true}, {"0X1f", 31, true}, {"0x", 0, true}, {"0xg", 0, true}, {"010", 8, true}, {"09", 0, true}, {"0", 0, true},
		{"2147483647", math.MaxInt32, true}, {"-2147483648", math.MinInt32, true},
		{"2147483648", 0, false}, {"-2147483649", 0, false}, {"99999999999", 0, false},
		{strings.Repeat("9", 1000), 0, false},
	}
	for _, c := range cases {
		got, ok := FileValue([]byte(c.content))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%.20q: want %d %v, got %d %v", c.content, c.want, c.ok, got, ok)
		}
	}
}
