package childapi

import (
	"keepalived/core/diag"
	pb "keepalived/proto/keepalived/v1"
)

var severities = map[diag.Severity]pb.Severity{
	diag.Notice:  pb.Severity_SEVERITY_NOTICE,
	diag.Warning: pb.Severity_SEVERITY_WARNING,
	diag.Error:   pb.Severity_SEVERITY_ERROR,
	diag.Fatal:   pb.Severity_SEVERITY_FATAL,
}

// diagCodes is spelt out: neither list may be renumbered by a change of the other.
var diagCodes = map[diag.Code]pb.DiagnosticCode{
	diag.Other:           pb.DiagnosticCode_DIAGNOSTIC_CODE_OTHER,
	diag.MissingArgument: pb.DiagnosticCode_DIAGNOSTIC_CODE_MISSING_ARGUMENT,
	diag.UnknownKeyword:  pb.DiagnosticCode_DIAGNOSTIC_CODE_UNKNOWN_KEYWORD,
	diag.Unbalanced:      pb.DiagnosticCode_DIAGNOSTIC_CODE_UNBALANCED,
	diag.BadNumber:       pb.DiagnosticCode_DIAGNOSTIC_CODE_BAD_NUMBER,
	diag.BadAddress:      pb.DiagnosticCode_DIAGNOSTIC_CODE_BAD_ADDRESS,
	diag.BadValue:        pb.DiagnosticCode_DIAGNOSTIC_CODE_BAD_VALUE,
	diag.Duplicate:       pb.DiagnosticCode_DIAGNOSTIC_CODE_DUPLICATE,
	diag.NotFound:        pb.DiagnosticCode_DIAGNOSTIC_CODE_NOT_FOUND,
	diag.Deprecated:      pb.DiagnosticCode_DIAGNOSTIC_CODE_DEPRECATED,
	diag.Ignored:         pb.DiagnosticCode_DIAGNOSTIC_CODE_IGNORED,
	diag.Conflict:        pb.DiagnosticCode_DIAGNOSTIC_CODE_CONFLICT,
	diag.NoInterface:     pb.DiagnosticCode_DIAGNOSTIC_CODE_NO_INTERFACE,
	diag.CannotRun:       pb.DiagnosticCode_DIAGNOSTIC_CODE_CANNOT_RUN,
	diag.ScriptSecurity:  pb.DiagnosticCode_DIAGNOSTIC_CODE_SCRIPT_SECURITY,
	diag.Script:          pb.DiagnosticCode_DIAGNOSTIC_CODE_SCRIPT,
	diag.File:            pb.DiagnosticCode_DIAGNOSTIC_CODE_FILE,
	diag.FileMissing:     pb.DiagnosticCode_DIAGNOSTIC_CODE_FILE_MISSING,
	diag.TooDeep:         pb.DiagnosticCode_DIAGNOSTIC_CODE_TOO_DEEP,
	diag.Unsupported:     pb.DiagnosticCode_DIAGNOSTIC_CODE_UNSUPPORTED,
	diag.IncludeFailed:   pb.DiagnosticCode_DIAGNOSTIC_CODE_INCLUDE_FAILED,
	diag.FileRequired:    pb.DiagnosticCode_DIAGNOSTIC_CODE_FILE_REQUIRED,
	diag.UnknownBlock:    pb.DiagnosticCode_DIAGNOSTIC_CODE_UNKNOWN_BLOCK,
	diag.Surplus:         pb.DiagnosticCode_DIAGNOSTIC_CODE_SURPLUS,
	diag.OutOfOrder:      pb.DiagnosticCode_DIAGNOSTIC_CODE_OUT_OF_ORDER,
	diag.Lookalike:       pb.DiagnosticCode_DIAGNOSTIC_CODE_LOOKALIKE,
	diag.LongLine:        pb.DiagnosticCode_DIAGNOSTIC_CODE_LONG_LINE,
	diag.Limit:           pb.DiagnosticCode_DIAGNOSTIC_CODE_LIMIT,
	diag.MissingEnd:      pb.DiagnosticCode_DIAGNOSTIC_CODE_MISSING_END,
	diag.Undefined:       pb.DiagnosticCode_DIAGNOSTIC_CODE_UNDEFINED,
}

// DiagnosticsToProto converts findings.
func DiagnosticsToProto(l diag.List) []*pb.Diagnostic {
	out := make([]*pb.Diagnostic, 0, len(l))
	for _, d := range l {
		p := &pb.Diagnostic{
			Severity: severities[d.Severity],
			Code:     diagCodes[d.Code],
			Subject:  rangeToProto(d.Subject),
			Summary:  d.Summary,
			Expected: d.Expected,
			Suggest:  d.Suggest,
			Hint:     d.Hint,
		}
		for _, r := range d.Related {
			p.Related = append(p.Related, &pb.RelatedPlace{Range: rangeToProto(r.Range), Text: r.Text})
		}
		out = append(out, p)
	}
	return out
}

// DiagnosticsFromProto converts back. An unknown code (of another version) is
// diag.Other, an unknown severity diag.Error: said, and not fatal by accident.
func DiagnosticsFromProto(in []*pb.Diagnostic) diag.List {
	out := make(diag.List, 0, len(in))
	for _, p := range in {
		d := diag.Diagnostic{
			Severity: severityFrom(p.GetSeverity()),
			Code:     codeFrom(p.GetCode()),
			Subject:  rangeFrom(p.GetSubject()),
			Summary:  p.GetSummary(),
			Expected: p.GetExpected(),
			Suggest:  p.GetSuggest(),
			Hint:     p.GetHint(),
		}
		for _, r := range p.GetRelated() {
			d.Related = append(d.Related, diag.Related{Range: rangeFrom(r.GetRange()), Text: r.GetText()})
		}
		out = append(out, d)
	}
	return out
}

func rangeToProto(r diag.Range) *pb.SourceRange {
	return &pb.SourceRange{Start: posToProto(r.Start()), End: posToProto(r.End())}
}

func posToProto(p diag.Pos) *pb.Position {
	if p == (diag.Pos{}) {
		return nil
	}
	return &pb.Position{File: p.File, Line: uint32(p.Line), Column: uint32(p.Col)}
}

func rangeFrom(r *pb.SourceRange) diag.Range {
	p := r.GetStart()
	if p.GetLine() == 0 {
		return diag.Range{}
	}
	return diag.At(diag.NewFileName(p.GetFile()), int(p.GetLine()), int(p.GetColumn()), int(r.GetEnd().GetColumn()))
}

func severityFrom(s pb.Severity) diag.Severity {
	for d, p := range severities {
		if p == s {
			return d
		}
	}
	return diag.Error
}

func codeFrom(c pb.DiagnosticCode) diag.Code {
	for d, p := range diagCodes {
		if p == c {
			return d
		}
	}
	return diag.Other
}
