package sandbox

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"engage-token-rotation/pkg/engage"
)

const usage = `usage: sandbox run [flags]     three rotations, a timeline, a check of the end
       sandbox serve [flags]   stay up for the AWS CLI and sam local invoke

Both build the functions first, unless -functions names a directory that has them. Flags of each: sandbox run -h
`

// Main is the command. It returns the exit status: 0 for success, 1 for a failure or a wrong end
// state, 2 for an invalid command line.
func Main(ctx context.Context, args []string, out, complaints io.Writer, getenv func(string) string) int {
	if len(args) == 0 {
		fmt.Fprint(complaints, usage)
		return 2
	}
	command := command{out: out, errors: complaints, getenv: getenv}
	var err error
	switch args[0] {
	case "run":
		err = command.run(ctx, args[1:])
	case "serve":
		err = command.serve(ctx, args[1:])
	case "-h", "-help", "--help", "help":
		fmt.Fprint(out, usage)
		return 0
	default:
		fmt.Fprintf(complaints, "sandbox: there is no command %q\n%s", args[0], usage)
		return 2
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintln(complaints, err)
	return 1
}

// errUsage is an invalid command line, of which the reason is printed.
var errUsage = errors.New("sandbox: wrong command line")

type command struct {
	out, errors io.Writer
	getenv      func(string) string
}

// common are the flags of both commands.
func (c command) common(flags *flag.FlagSet, config *Config, functions *string) {
	flags.SetOutput(c.errors)
	flags.StringVar(functions, "functions", "", "directory with the built functions, {name}/bootstrap; empty builds them")
	flags.Func("flow", "login flow: engage, ringcentral or legacy (default engage)", func(text string) error {
		config.Flow = engage.Flow(text)
		return nil
	})
	flags.BoolVar(&config.OneSecret, "one-secret", false,
		"keep the login fields in the token secret, not in an admin secret")
	flags.DurationVar(&config.Retention, "retention", 0, "how long previous tokens live after a rotation")
	flags.Func("scenario", scenarioHelp(), func(text string) error {
		config.Scenario = Scenario(text)
		return nil
	})
}

// scenarioHelp lists the scenarios with their meanings.
func scenarioHelp() string {
	help := "what goes wrong (default none):"
	for _, name := range Scenarios() {
		help += fmt.Sprintf("\n%-18s %s", name, name.Meaning())
	}
	return help
}

func (c command) parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(c.errors, "sandbox: unexpected argument %q\n", flags.Arg(0))
		return errUsage
	}
	return nil
}

func (c command) run(ctx context.Context, args []string) error {
	var config Config
	var functions string
	flags := flag.NewFlagSet("sandbox run", flag.ContinueOnError)
	c.common(flags, &config, &functions)
	flags.StringVar(&config.HTML, "html", "", "file to write the rotations to, as a page for browsers; empty writes none")
	if err := c.parse(flags, args); err != nil {
		return err
	}
	return c.withBinaries(ctx, functions, &config, func() error { return Demo(ctx, config, c.out, c.getenv) })
}

func (c command) serve(ctx context.Context, args []string) error {
	config := ServeConfig{Config: Config{AWSPort: DefaultAWSPort, EngagePort: DefaultEngagePort}}
	var functions string
	flags := flag.NewFlagSet("sandbox serve", flag.ContinueOnError)
	c.common(flags, &config.Config, &functions)
	flags.StringVar(&config.Listen, "listen", "127.0.0.1",
		"address to listen at; containers reach 0.0.0.0 or that of docker0")
	flags.IntVar(&config.AWSPort, "aws-port", DefaultAWSPort, "port of the AWS stand-ins; 0 takes a free one")
	flags.IntVar(&config.EngagePort, "engage-port", DefaultEngagePort, "port of the vendor's stand-in; 0 takes a free one")
	flags.DurationVar(&config.Every, "every", 30*time.Second, "time between rotations; 0 rotates on demand only")
	flags.DurationVar(&config.SweepEvery, "sweep-every", 0, "time between sweeps; 0 sweeps on demand only")
	flags.StringVar(&config.EnvFile, "env-vars", "env.local.json",
		"file to write for sam local invoke --env-vars; empty writes none")
	flags.BoolVar(&config.Verbose, "v", false, "print what the functions write, too")
	if err := c.parse(flags, args); err != nil {
		return err
	}
	return c.withBinaries(ctx, functions, &config.Config, func() error { return Serve(ctx, config, c.out, c.getenv) })
}

// withBinaries finds or builds the functions, and calls do with a config that has them.
func (c command) withBinaries(ctx context.Context, dir string, config *Config, do func() error) error {
	if dir != "" {
		config.Binaries = FindBinaries(dir)
		return do()
	}
	dir, err := os.MkdirTemp("", "sandbox-functions-")
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if config.Binaries, err = Build(ctx, ".", dir); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return do()
}
