package lint

import "math/big"

// sums are the totals that the weights of some trackers can come to. Bit i stands for
// the total low+i.
type sums struct {
	bits *big.Int
	low  int
}

// nothing is what no tracker at all comes to.
func nothing() sums { return sums{bits: big.NewInt(1)} }

// plus has one more tracker, which adds one of values. Every total of the others goes
// with every one of them, so that what comes out is exact however many trackers there
// are: 2^n states of them, but no more totals than the range is wide.
func (s sums) plus(values []int) sums {
	least := values[0]
	for _, v := range values {
		least = min(least, v)
	}
	out := sums{bits: new(big.Int), low: s.low + least}
	var moved big.Int
	for _, v := range values {
		out.bits.Or(out.bits, moved.Lsh(s.bits, uint(v-least)))
	}
	return out
}

// all are the totals, the least first.
func (s sums) all() []int {
	var out []int
	for i := range s.bits.BitLen() {
		if s.bits.Bit(i) == 1 {
			out = append(out, s.low+i)
		}
	}
	return out
}
