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
}

// DiagnosticsToProto converts findings.
func DiagnosticsToProto(l diag.List) []*pb.Diagnostic {
	out := make([]*pb.Diagnostic, 0, len(l))
	for _, d := range l {
		out = append(out, &pb.Diagnostic{
			Severity: severities[d.Severity],
			Code:     diagCodes[d.Code],
			Subject:  &pb.SourceRange{Start: posToProto(d.Subject.Start()), End: posToProto(d.Subject.End())},
			Summary:  d.Summary,
			Hint:     d.Hint,
		})
	}
	return out
}

// DiagnosticsFromProto converts back. An unknown code (of another version) is
// diag.Other, an unknown severity diag.Error: said, and not fatal by accident.
func DiagnosticsFromProto(in []*pb.Diagnostic) diag.List {
	out := make(diag.List, 0, len(in))
	for _, d := range in {
		out = append(out, diag.Diagnostic{
			Severity: severityFrom(d.GetSeverity()),
			Code:     codeFrom(d.GetCode()),
			Subject:  rangeFrom(d.GetSubject()),
			Summary:  d.GetSummary(),
			Hint:     d.GetHint(),
		})
	}
	return out
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
