/** From the commands' specifications to a parser; nothing is loaded or connected before a command runs. */
import { Command, CommanderError } from 'commander';
import { COMMANDS } from './commands/index.js';
import {
  type CommandSpec,
  GLOBAL_OPTIONS,
  type GlobalFlags,
  type Invocation,
  type Outcome,
} from './command.js';
import { EXIT, EXIT_MEANING, type ExitCode } from './exit-codes.js';
import { guardTerminal } from './guarded-terminal.js';
import type { Terminal } from './terminal.js';

const ANYWHERE: ExitCode[] = [EXIT.bug, EXIT.badInput, EXIT.unreachable];

/** Runs one command line; resolves with its exit code, never rejects. */
export async function runCommandLine(
  argv: string[],
  unguarded: Terminal,
  version: string,
): Promise<ExitCode> {
  const terminal = guardTerminal(unguarded, argv.includes('--json'));
  let exit: ExitCode = EXIT.done;
  const program = buildProgram(
    version,
    async (spec, invocation) => {
      exit = await carryOut(spec, invocation);
    },
    terminal,
  );
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.done;
    if (argv.includes('--json')) await writeParserError(argv, error, terminal);
    return EXIT.badInput;
  }
}

type Carry = (spec: CommandSpec, invocation: Invocation) => Promise<void>;

/** The commander tree; completion scripts and docs/commands.md are generated from the same specifications. */
function buildProgram(version: string, carry: Carry, terminal: Terminal): Command {
  const program = new Command('slipway')
    .description(
      'Durable release pipelines: build once, promote, approve, deploy, switch, and put everything back when something fails.',
    )
    .version(version)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    })
    .addHelpText(
      'after',
      '\nEach command explains itself: slipway <command> --help. Environments are named, never workflow ids.',
    );
  addGlobalOptions(program);
  for (const spec of COMMANDS) {
    const command = program
      .command(spec.name)
      .summary(spec.summary)
      .description(spec.summary)
      .copyInheritedSettings(program)
      .showHelpAfterError(`see slipway ${spec.name} --help`);
    for (const argument of spec.arguments.split(' ').filter((part) => part !== ''))
      command.argument(argument);
    for (const { flags, summary, repeats } of spec.options) {
      if (repeats === true)
        command.option(flags, summary, (value: string, before: string[] | undefined) => [
          ...(before ?? []),
          value,
        ]);
      else command.option(flags, summary);
    }
    addGlobalOptions(command);
    command.addHelpText('after', `\n${describeExamples(spec)}\n\n${describeExits(spec)}`);
    command.action(async () => carry(spec, await readInvocation(command, spec, terminal)));
  }
  return program;
}

function addGlobalOptions(command: Command): void {
  for (const option of GLOBAL_OPTIONS) command.option(option.flags, option.summary);
}

function describeExamples(spec: CommandSpec): string {
  return ['Examples:', ...spec.examples.map((example) => `  ${example}`)].join('\n');
}

/** Every exit of a command, in order, one per line. */
export function exitsOf(spec: CommandSpec): { code: ExitCode; meaning: string }[] {
  const codes = [...new Set([...spec.exits, ...ANYWHERE])].sort((left, right) => left - right);
  return codes.map((code) => ({ code, meaning: EXIT_MEANING[code] }));
}

function describeExits(spec: CommandSpec): string {
  return [
    'Exit codes:',
    ...exitsOf(spec).map(({ code, meaning }) => `  ${String(code).padEnd(4)}${meaning}`),
  ].join('\n');
}

async function readInvocation(command: Command, spec: CommandSpec, terminal: Terminal): Promise<Invocation> {
  const { makeStyle } = await import('./render/style.js');
  const given: Record<string, unknown> = command.optsWithGlobals();
  const text = (name: string): string | null => {
    const value = given[camelCase(name)];
    return typeof value === 'string' ? value : null;
  };
  const global: GlobalFlags = {
    file: text('file') ?? 'slipway.yaml',
    pipeline: text('pipeline') ?? terminal.env['SLIPWAY_PIPELINE'] ?? null,
    repository: text('repository'),
    profile: text('profile'),
    json: given['json'] === true,
    yes: given['yes'] === true,
    reason: text('reason'),
    ascii: given['ascii'] === true,
  };
  const closers: (() => Promise<void>)[] = [];
  return {
    command: spec.name,
    terminal,
    style: makeStyle({
      ascii: global.ascii,
      colour: terminal.colour && !global.ascii,
      columns: terminal.columns,
    }),
    global,
    args: command.args,
    value: text,
    values: (name) => {
      const value = given[camelCase(name)];
      return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
    },
    has: (name) => given[camelCase(name)] === true,
    onEnd: (close) => void closers.push(close),
    closers,
    commands: COMMANDS,
  };
}

function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

async function carryOut(spec: CommandSpec, invocation: Invocation): Promise<ExitCode> {
  const outcome = await spec.run(invocation).catch((error: unknown) => explainError(error, invocation));
  for (const close of invocation.closers.reverse()) await close();
  if (outcome.written === true) return outcome.exit;
  const { terminal, global } = invocation;
  if (global.json) {
    const { toJsonOutput } = await import('./json-output.js');
    const output = toJsonOutput(spec.name, outcome.exit, outcome.data, outcome.error ?? null);
    terminal.out(`${JSON.stringify(output)}\n`);
    return outcome.exit;
  }
  if (outcome.screen !== '') terminal.out(outcome.screen);
  return outcome.exit;
}

async function explainError(error: unknown, invocation: Invocation): Promise<Outcome> {
  const { terminal, style, global } = invocation;
  if (terminal.interrupted.aborted) return { exit: EXIT.interrupted, data: null, screen: '' };
  const { UserError } = await import('./user-error.js');
  if (error instanceof UserError) {
    const { renderError } = await import('./render/error.js');
    const { annotateError } = await import('./ci.js');
    if (!global.json) terminal.err(renderError(style, error));
    annotateError(terminal, error, global.file);
    return { exit: error.exit, data: error.data, screen: '', error: error.explanation() };
  }
  const { explainBug } = await import('./render/error.js');
  const bug = explainBug(error);
  terminal.err(`${bug.stack}\n`);
  return { exit: EXIT.bug, data: null, screen: '', error: bug.explanation };
}

async function writeParserError(argv: string[], error: CommanderError, terminal: Terminal): Promise<void> {
  const { toJsonOutput } = await import('./json-output.js');
  const command = argv.find((word) => !word.startsWith('-')) ?? '';
  const explanation = {
    what: error.message.replace(/^error: /, ''),
    where: `slipway ${argv.join(' ')}`,
    why: null,
    wayOut: `see slipway ${error.code === 'commander.unknownCommand' ? '' : command} --help`.replace(
      '  ',
      ' ',
    ),
    docs: 'docs/commands.md',
  };
  terminal.out(`${JSON.stringify(toJsonOutput(command, EXIT.badInput, null, explanation))}\n`);
}
