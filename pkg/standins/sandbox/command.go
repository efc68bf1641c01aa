package sandbox

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"engage-token-rotation/pkg/engage"
)

const usage = `usage: sandbox run [flags]     three rotations, a timeline, a check of the end
       sandbox serve [flags]   stay up for the AWS CLI and sam local invoke

Both build the functions first, unless -functions names a directory that has them. Flags of each: sandbox run -h
`

// Main is the command. It returns the exit status: 0 for success, 1 for a failure or a wrong end
// state, 2 for an invalid command line, 130 if the end of ctx interrupted it.
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
		fmt.Fprintf(complaints, "sandbox: unknown command %q\n%s", args[0], usage)
		return 2
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case ctx.Err() != nil:
		fmt.Fprintln(complaints, interrupted)
		return 130
	}
	fmt.Fprintln(complaints, err)
	return 1
}

// errUsage is an invalid command line, of which the reason is printed.
var errUsage = errors.New("sandbox: wrong command line")

// interrupted is printed for what the end of the context, usually Ctrl-C, ended.
const interrupted = "interrupted"

type command struct {
	out, errors io.Writer
	getenv      func(string) string
}

// common are the flags of both commands.
func (c command) common(flags *flag.FlagSet, config *Config, functions *string) {
	flags.SetOutput(io.Discard) // parse prints
	flags.StringVar(functions, "functions", "", "directory with the built functions, {name}/bootstrap; empty builds them")
	flags.Func("flow", "login flow: engage, ringcentral or legacy (default engage)", func(text string) error {
		config.Flow = engage.Flow(text)
		return nil
	})
	flags.BoolVar(&config.OneSecret, "one-secret", false,
		"keep the login fields in the token secret, not in an admin secret")
	flags.Var((*duration)(&config.Retention), "retention", "how long previous tokens live after a rotation")
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

// parse parses the flags and checks the values, before anything is built or started. What is
// invalid is printed in one line.
func (c command) parse(flags *flag.FlagSet, args []string, check func() error) error {
	flags.Usage = func() {}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(c.out, "usage: %s [flags]\n", flags.Name())
		flags.SetOutput(c.out)
		flags.PrintDefaults()
		return err
	case err != nil:
		fmt.Fprintf(c.errors, "%s: %v; the flags are listed by %[1]s -h\n", flags.Name(), err)
		return errUsage
	case flags.NArg() > 0:
		fmt.Fprintf(c.errors, "%s: unexpected argument %q; the flags are listed by %[1]s -h\n", flags.Name(), flags.Arg(0))
		return errUsage
	}
	if err := check(); err != nil {
		fmt.Fprintln(c.errors, err)
		return errUsage
	}
	return nil
}

// duration is a flag that names the missing unit of a bare number.
type duration time.Duration

// String implements [flag.Value].
func (d *duration) String() string { return time.Duration(*d).String() }

// Set implements [flag.Value].
func (d *duration) Set(text string) error {
	value, err := time.ParseDuration(text)
	if _, number := strconv.ParseFloat(text, 64); err != nil && number == nil {
		return fmt.Errorf("the unit is missing, as in %ss, %[1]sm or %[1]sh", text)
	}
	switch {
	case err != nil:
		return errors.New("not a duration, such as 30s or 1h30m")
	case value < 0:
		return errors.New("a duration from 0")
	}
	*d = duration(value)
	return nil
}

func (c command) run(ctx context.Context, args []string) error {
	var config Config
	var functions string
	flags := flag.NewFlagSet("sandbox run", flag.ContinueOnError)
	c.common(flags, &config, &functions)
	flags.StringVar(&config.HTML, "html", "", "file to write the rotations to, as a page for browsers; empty writes none")
	if err := c.parse(flags, args, func() error { return config.check() }); err != nil {
		return err
	}
	return c.withBinaries(ctx, functions, &config, func() error { return Demo(ctx, config, c.out, c.getenv) })
}

func (c command) serve(ctx context.Context, args []string) error {
	config := ServeConfig{Config: Config{AWSPort: DefaultAWSPort, EngagePort: DefaultEngagePort}, Every: 30 * time.Second}
	var functions string
	flags := flag.NewFlagSet("sandbox serve", flag.ContinueOnError)
	c.common(flags, &config.Config, &functions)
	flags.StringVar(&config.Listen, "listen", "127.0.0.1",
		"address to listen at; containers reach 0.0.0.0 or that of docker0")
	flags.IntVar(&config.AWSPort, "aws-port", DefaultAWSPort, "port of the AWS stand-ins; 0 takes a free one")
	flags.IntVar(&config.EngagePort, "engage-port", DefaultEngagePort, "port of the vendor's stand-in; 0 takes a free one")
	flags.Var((*duration)(&config.Every), "every", "time between rotations; 0 rotates on demand only")
	flags.Var((*duration)(&config.SweepEvery), "sweep-every", "time between sweeps; 0 sweeps on demand only")
	flags.StringVar(&config.EnvFile, "env-vars", "env.local.json",
		"file to write for sam local invoke --env-vars; empty writes none")
	flags.BoolVar(&config.Verbose, "v", false, "print what the functions write, too")
	if err := c.parse(flags, args, func() error { return config.check() }); err != nil {
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
