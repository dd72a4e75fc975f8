package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"keepalived/cmd/internal/dialect"
	"keepalived/cmd/internal/machine"
	"keepalived/cmd/internal/meaning"
	"keepalived/core/config"
	"keepalived/core/config/files"
	"keepalived/core/diag"
)

const defaultConfig = "/etc/keepalived/keepalived.conf"

// standardInput is how a configuration from a pipe is called in findings.
const standardInput = "<stdin>"

// nodeConfig is one node's configuration as read from its file.
type nodeConfig struct {
	name  string // for the reader: the file, with the identity where that is needed
	tree  *config.Tree
	diags diag.List
	// result is what the children make of it, wherever it runs; zero when there was
	// nothing to check.
	result dialect.Result
	mask   *config.Mask
}

// startable reports whether a daemon would start with it.
func (n *nodeConfig) startable() bool { return !n.diags.HasFatal() }

func (s *session) configCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check, show, compare and explain configurations, without a daemon",
		Long: `config looks at configuration files. It needs no running daemon and no right but to
read them. FILE may be - for standard input; what a file includes is looked for from
the file's own folder on.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q: want check, show, diff or explain", "config "+args[0])
			}
			return usagef("config: want check, show, diff or explain")
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // never: Args refuses
	}
	cmd.AddCommand(s.configCheckCmd(), s.configShowCmd(), s.configDiffCmd(), s.explainCmd())
	return cmd
}

func (s *session) configShowCmd() *cobra.Command {
	id, secrets := "", false
	cmd := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Print the configuration with everything expanded, in one form",
		Long: `show prints what a configuration comes to: includes, definitions, sequences and
@conditions worked out, old keywords replaced by those of today where they mean the
same, one keyword a line. That is a valid configuration of the same meaning, and show
prints it the same again. Passwords, keys and what looks like one among the arguments
of a script are hidden unless --secrets is given, and a comment says so: a password or
token behind an option or variable of such a name, in a URL, in a header.

Exit status: 0 printed, 2 it could not be read or would not start.`,
		Args: atMostOneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			n, err := s.readNode(fileOf(args), id)
			if err != nil {
				return err
			}
			roots := meaning.Canonical(n.tree, s.schema())
			if !secrets {
				roots = config.Redact(s.schema(), "", roots)
			}
			if !n.startable() {
				fmt.Fprint(s.err, worst(n.diags).Full(n.mask.Texts()))
				s.complain("%s would not start; what was understood of it was printed", n.name)
				s.status = exitNoAnswer
			}
			text := config.Print(roots)
			if !secrets && strings.Contains(text, config.Hidden) {
				text = "# " + config.Hidden + " stands for what is secret; show --secrets prints it.\n" + text
			}
			_, err = io.WriteString(s.out, text)
			return err
		},
	}
	cmd.Flags().BoolVar(&secrets, "secrets", false, "print passwords, keys and secret arguments, too")
	identityFlag(cmd, &id)
	return cmd
}

func (s *session) configDiffCmd() *cobra.Command {
	var ids []string
	asJSON := false
	cmd := &cobra.Command{
		Use:   "diff FILE FILE",
		Short: "Tell what one configuration means otherwise than another",
		Long: `diff compares what two configurations mean: which objects and keywords differ and
how. Comments, layout, the order of keywords, definitions, another way to write a value
and a default that is written out are no difference. Passwords, keys and secret
arguments of scripts are compared and not printed.

Exit status: 0 they mean the same, 1 they differ, 2 one could not be read.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("config diff: want two files, got %q", args)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			nodes, err := s.readNodes(args, ids)
			if err != nil {
				return err
			}
			for _, n := range nodes {
				if dialect.StopsReading(n.diags) {
					fmt.Fprint(s.err, worst(n.diags).Full(n.mask.Texts()))
					return fmt.Errorf("%s cannot be compared", n.name)
				}
			}
			changes := meaning.Diff(nodes[0].tree, nodes[1].tree, s.schema())
			if len(changes) > 0 {
				s.status = exitDegraded
			}
			if asJSON {
				return writeJSON(s.out, changesJSON(changes))
			}
			list := make([]shown, len(changes))
			for i, c := range changes {
				list[i].Change = c
			}
			return writeChanges(s.out, list)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object")
	cmd.Flags().StringArrayVarP(&ids, "config-id", "i", nil, "`ID` of the node, for lines that begin with @ID; twice: of each file")
	return cmd
}

func identityFlag(cmd *cobra.Command, id *string) {
	cmd.Flags().StringVarP(id, "config-id", "i", "", "`ID` of the node, for lines that begin with @ID (default: host name up to its first dot)")
}

func atMostOneFile(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("config %s takes one file, got %q", cmd.Name(), args)
	}
	return nil
}

func fileOf(args []string) string {
	if len(args) == 0 {
		return defaultConfig
	}
	return args[0]
}

// schema is that of all keywords, made once.
func (s *session) schema() *config.Schema {
	if s.keywords == nil {
		s.keywords = dialect.Schema()
	}
	return s.keywords
}

// readNodes reads one configuration a file. With one identity it goes for all, with
// several each is that of one file, or all are of one file that several nodes share.
func (s *session) readNodes(names, ids []string) ([]*nodeConfig, error) {
	if len(names) == 1 && len(ids) > 1 {
		names = append(make([]string, 0, len(ids)), names[0])
		for range len(ids) - 1 {
			names = append(names, names[0])
		}
	}
	if len(ids) > 1 && len(ids) != len(names) {
		return nil, usagef("--config-id: %d identities for %d files", len(ids), len(names))
	}
	var out []*nodeConfig
	for i, name := range names {
		id := ""
		switch len(ids) {
		case 0:
		case 1:
			id = ids[0]
		default:
			id = ids[i]
		}
		n, err := s.readNode(name, id)
		if err != nil {
			return nil, err
		}
		if len(ids) > 1 {
			n.name += " as " + id
		}
		out = append(out, n)
	}
	return out, nil
}

// readNode reads a configuration and has both children's decoders look at it.
// Whatever is wrong in it is in the node's findings; an error is that it cannot be
// read by this user.
func (s *session) readNode(name, id string) (*nodeConfig, error) {
	in := &input{}
	if name == "-" {
		name = standardInput
		text, err := io.ReadAll(io.LimitReader(s.in, maxInput+1))
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading standard input: %w", err)
		case len(text) > maxInput:
			return nil, errors.New("standard input is longer than 64 MiB")
		}
		in.text = text
	}
	env := machine.Env(id)
	env.Seed = 1 // ${_RANDOM} is no difference between two readings
	tree, diags := config.Parse(in, name, env, s.schema())
	if len(in.denied) > 0 {
		return nil, fmt.Errorf("%s: permission denied: run this as a user who may read it (sudo keepalivedctl config ...)", strings.Join(in.denied, ", "))
	}
	n := &nodeConfig{name: name, tree: tree, diags: diags, mask: config.NewMask(tree, s.schema())}
	if !dialect.StopsReading(diags) {
		n.result = dialect.Check(tree, nil, nil)
		n.diags = append(n.diags, n.result.Diags...)
	}
	n.diags = n.mask.Findings(n.diags)
	return n, nil
}

// maxInput bounds standard input, as the size of a file is bounded.
const maxInput = 64 << 20

// input is the file system with standard input in it. It notes what may not be read.
type input struct {
	files.OS
	text   []byte // nil: standard input is not asked for
	denied []string
}

// Read implements config.Files.
func (in *input) Read(name string) ([]byte, error) {
	if name == standardInput && in.text != nil {
		return in.text, nil
	}
	text, err := in.OS.Read(name)
	if errors.Is(err, fs.ErrPermission) {
		in.denied = append(in.denied, name)
	}
	return text, err
}

// Glob implements config.Files.
func (in *input) Glob(pattern string) ([]string, error) {
	if pattern == standardInput && in.text != nil {
		return []string{standardInput}, nil
	}
	return in.OS.Glob(pattern)
}

// worst are the findings with which a daemon would not start.
func worst(l diag.List) diag.List {
	var out diag.List
	for _, d := range l {
		if d.Severity == diag.Fatal {
			out = append(out, d)
		}
	}
	return out
}
