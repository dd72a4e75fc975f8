package diag

import "encoding/json"

// jsonPlace is a stretch of text: from line:column up to, not including, the end.
type jsonPlace struct {
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"end_line,omitempty"`
	EndColumn int    `json:"end_column,omitempty"`
}

type jsonRelated struct {
	jsonPlace
	Text string `json:"text"`
}

type jsonFinding struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	jsonPlace
	Summary    string        `json:"summary"`
	Expected   string        `json:"expected,omitempty"`
	DidYouMean string        `json:"did_you_mean,omitempty"`
	Hint       string        `json:"hint,omitempty"`
	Related    []jsonRelated `json:"related,omitempty"`
}

// JSON renders the findings for tools: {"diagnostics": [...], "status": n}, status
// being that of -t. Lines and columns (in octets) count from 1; a finding without a
// place has none. Field names and codes stay the same in all versions.
func (l List) JSON() ([]byte, error) {
	all := make([]jsonFinding, 0, len(l))
	for _, d := range l {
		f := jsonFinding{Severity: d.Severity.String(), Code: d.Name(), jsonPlace: placeOf(d.Subject),
			Summary: short(d.Summary), Expected: short(d.Expected), DidYouMean: short(d.Suggest), Hint: short(d.Hint)}
		for _, r := range d.Related {
			f.Related = append(f.Related, jsonRelated{jsonPlace: placeOf(r.Range), Text: short(r.Text)})
		}
		all = append(all, f)
	}
	text, err := json.MarshalIndent(struct {
		Diagnostics []jsonFinding `json:"diagnostics"`
		Status      int           `json:"status"`
	}{all, l.ExitStatus()}, "", "  ")
	return append(text, '\n'), err
}

func placeOf(r Range) jsonPlace {
	if !r.IsValid() {
		return jsonPlace{}
	}
	from, to := r.Start(), r.End()
	return jsonPlace{File: from.File, Line: from.Line, Column: from.Col, EndLine: to.Line, EndColumn: to.Col}
}
