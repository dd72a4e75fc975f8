package diag

import (
	"iter"
	"strings"
)

// Near returns the candidate that word may be a slip of: the same but for its case,
// else the one with the fewest letters to change, at most one of three. Ties go to
// the first in the alphabet. "" when there is none.
func Near(word string, candidates iter.Seq[string]) string {
	const longest = 64 // no keyword is longer: do not compare what cannot be one
	if word == "" || len(word) > longest {
		return ""
	}
	best, most := "", len(word)/3
	if len(word) > 2 {
		most = max(most, 1)
	}
	for c := range candidates {
		if strings.EqualFold(c, word) {
			return c
		}
		if most == 0 {
			continue
		}
		d := Distance(word, c, most)
		if d < most || d == most && (best == "" || c < best) {
			best, most = c, d
		}
	}
	return best
}

// Distance is the number of letters to insert, remove, change or swap with
// their neighbour to make b of a; more than limit is some number above limit.
func Distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
