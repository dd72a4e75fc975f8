package config

import (
	"strings"
	"testing"

	"keepalived/core/diag"
)

// TestHideArguments: what is hidden of a script's arguments, and what is not.
func TestHideArguments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"/bin/x --password abc"`:                               `"/bin/x --password ********"`,
		`"/bin/x --password=abc -v"`:                            `"/bin/x --password=******** -v"`,
		`/bin/x --db-password abc`:                              `/bin/x --db-password ********`,
		`/bin/x -passwd abc`:                                    `/bin/x -passwd ********`,
		`"/bin/x --token 'a b' c"`:                              `"/bin/x --token ******** c"`,
		`"/bin/x --secret \"a b\" c" root`:                      `"/bin/x --secret ******** c" root`,
		`'/bin/x --api-key abc' root`:                           `'/bin/x --api-key ********' root`,
		`/usr/bin/env TOKEN=abc /bin/x`:                         `/usr/bin/env TOKEN=******** /bin/x`,
		`"/bin/sh -c 'MYSQL_PWD=abc mysql; DB_PASS=x y'"`:       `"/bin/sh -c 'MYSQL_PWD=******** mysql; DB_PASS=******** y'"`,
		`"/usr/bin/curl -u user:abc http://h/"`:                 `"/usr/bin/curl -u user:******** http://h/"`,
		`/usr/bin/curl --user user:abc`:                         `/usr/bin/curl --user user:********`,
		`/usr/bin/curl https://user:abc@h:8/x?y=1`:              `/usr/bin/curl https://user:********@h:8/x?y=1`,
		`/usr/bin/curl -H 'Authorization: Bearer abc' http://h`: `/usr/bin/curl -H 'Authorization: Bearer ********' http://h`,
		`/usr/bin/openssl rsa -passin pass:abc`:                 `/usr/bin/openssl rsa -passin pass:********`,
		`/bin/x --password a --token b`:                         `/bin/x --password ******** --token ********`,

		`/bin/x --password-file /etc/x`:     "",
		`/bin/x --password --user x`:        "",
		`/bin/x --no-password x`:            "",
		`/bin/x --password $PW`:             "",
		`"/bin/x --password=${PW}"`:         "",
		`/bin/nc -p 80 -u 10.0.0.1 53`:      "",
		`/bin/x http://h:80/a@b`:            "",
		`/bin/x https://user@h/`:            "",
		`/bin/x --bypass 3 --compass=4`:     "",
		`/bin/mount -o bind=x /a /b`:        "",
		`/usr/local/bin/pass word`:          "",
		`/bin/ping6 -c1 fe80::1%eth0`:       "",
		`"/bin/sh -c 'test $password = 1'"`: "",
		``:                                  "",
	} {
		if want == "" {
			want = text
		}
		got := HideArguments(text)
		if got != want {
			t.Errorf("%s\nwant %s\ngot  %s", text, want, got)
		}
		if again := HideArguments(got); again != got {
			t.Errorf("%s is not what it stays: %s", got, again)
		}
	}
}

// TestMaskArguments: in source lines, in definitions and in messages.
func TestMaskArguments(t *testing.T) {
	t.Parallel()
	s := NewSchema([]Keyword{{Name: "b", Kind: Block}, {Path: "b", Name: "run", Script: true}, {Path: "b", Name: "pass", Secret: 1}})
	text := "$PW=s3cret\n$CMD=/bin/x --token s3cret\nb {\nrun \"/bin/x --password $PW --user u\"\nrun ${CMD}\nrnu \"/bin/x https://u:s3cret@h/\"\n}\n"
	tree, _ := Parse(MapFiles{"f": text}, "f", Env{}, s)
	m := NewMask(tree, s)
	shown := string(m.Texts()["f"])
	want := "$PW=********\n$CMD=/bin/x --token ********\nb {\nrun \"/bin/x --password $PW --user u\"\nrun ${CMD}\nrnu \"/bin/x https://u:********@h/\"\n}\n"
	if shown != want {
		t.Errorf("want\n%s\ngot\n%s", want, shown)
	}
	l := diag.List{{Subject: diag.At(diag.NewFileName("f"), 6, 1, 4), Summary: "no such file: /bin/x https://u:s3cret@h/"}}
	if got := m.Findings(l)[0].Summary; strings.Contains(got, "s3cret") {
		t.Errorf("a message has it: %s", got)
	}
	if got := Print(Redact(s, "", tree.Roots)); strings.Contains(got, "s3cret") || strings.Count(got, Hidden) != 2 || !strings.Contains(got, "--user u") {
		t.Errorf("shown as\n%s", got)
	}
	if got := Print(tree.Roots); strings.Count(got, "s3cret") != 2 {
		t.Errorf("the tree itself has changed:\n%s", got)
	}
}
