package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// configCall runs a config command in dir, with input as standard input, without a
// daemon.
func configCall(t *testing.T, dir, input string, args ...string) (status int, out, errs string) {
	t.Helper()
	t.Chdir(dir)
	var o, e bytes.Buffer
	s := &session{in: strings.NewReader(input), out: &o, err: &e}
	status = s.main(t.Context(), append([]string{"config"}, args...))
	return status, o.String(), e.String()
}

func configCallRaw(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	s := &session{out: &o, err: &e}
	status = s.main(t.Context(), args)
	return status, o.String(), e.String()
}

// TestGolden runs the command lines of testdata/*.txtar on their files. The section
// "want" has what is printed, with the exit status as the last line; UPDATE=1 writes it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			name, _ := filepath.Abs(name)
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			input, want := "", -1
			for i, f := range a.Files {
				switch {
				case f.Name == "stdin":
					input = string(f.Data)
				case f.Name == "want":
					want = i
				default:
					path := filepath.Join(dir, f.Name)
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, f.Data, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			args := strings.Fields(strings.SplitN(string(a.Comment), "\n", 2)[0])
			status, out, errs := configCall(t, dir, input, args...)
			got := out
			if errs != "" {
				got += "stderr:\n" + errs
			}
			got += "exit " + string(rune('0'+status)) + "\n"
			for _, secret := range []string{"s3cret", "pa55word"} {
				if strings.Contains(got, secret) && !strings.Contains(string(a.Comment), "--secrets") {
					t.Errorf("the output has %s", secret)
				}
			}
			if os.Getenv("UPDATE") != "" {
				if want < 0 {
					a.Files = append(a.Files, txtar.File{Name: "want"})
					want = len(a.Files) - 1
				}
				a.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want < 0 {
				t.Fatal("no section want: run with UPDATE=1 and read it")
			}
			if d := cmp.Diff(string(a.Files[want].Data), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestShowReads: what show prints is read as the same configuration.
func TestShowReads(t *testing.T) {
	dir := t.TempDir()
	seeds, err := filepath.Glob("../../test/compat/testdata/seeds/*.conf")
	if err != nil || len(seeds) != 34 {
		t.Fatalf("%d seeds: %v", len(seeds), err)
	}
	for i := range seeds {
		seeds[i], _ = filepath.Abs(seeds[i])
	}
	for _, name := range seeds {
		status, first, errs := configCall(t, dir, "", "show", "--secrets", "-i", "host", name)
		if status == exitNoAnswer && strings.Contains(errs, "would not start") {
			continue // what was understood of it is no whole configuration
		}
		if status != 0 {
			t.Errorf("%s: status %d, %s", name, status, errs)
			continue
		}
		_, second, _ := configCall(t, dir, first, "show", "--secrets", "-")
		if d := cmp.Diff(first, second); d != "" {
			t.Errorf("%s: printed again it differs:\n%s", name, d)
		}
		text, _ := os.ReadFile(name)
		if err := os.WriteFile("seed.conf", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if status, out, errs := configCall(t, dir, first, "diff", "-i", "host", "seed.conf", "-"); status != 0 {
			t.Errorf("%s differs from what is shown of it: %s%s", name, out, errs)
		}
	}
}

func TestConfigUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "want check, show, diff or explain"},
		{[]string{"lint"}, `there is no command "config lint"`},
		{[]string{"show", "a", "b"}, "config show takes one file"},
		{[]string{"diff", "a"}, "want two files"},
		{[]string{"check", "-i", "a", "-i", "b", "x", "y", "z"}, "2 identities for 3 files"},
	} {
		status, out, errs := configCall(t, t.TempDir(), "", c.args...)
		if status != exitUsage || out != "" || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: status %d, %q, %q; want 64 and %q", c.args, status, out, errs, c.want)
		}
	}
}

// TestCheckJSON: for programs.
func TestCheckJSON(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{"": "good", "foo\n": "warnings", "vrrp_instance V {\n}\n": "error"} {
		_, out, _ := configCall(t, dir, text, "check", "--json", "-")
		var got struct {
			Files []struct {
				Name, Verdict string
				Diagnostics   []struct {
					Severity, File, Summary string
					Line                    int
				}
			}
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Files) != 1 || got.Files[0].Verdict != want {
			t.Errorf("%q: %v: %s", text, err, out)
			continue
		}
		if f := got.Files[0]; want != "good" && (len(f.Diagnostics) == 0 || f.Diagnostics[0].Line != 1 || f.Diagnostics[0].File != standardInput) {
			t.Errorf("%q: %s", text, out)
		}
	}
}
