/** The table part of docs/commands.md, from the same specifications as the parser; a test holds the page to it. */
import { type CommandSpec, GLOBAL_OPTIONS } from '../../client/command.js';
import { EXIT_MEANING } from '../../client/exit-codes.js';
import { exitsOf } from '../../client/program.js';

/** Between these lines of docs/commands.md everything is generated. */
export const GENERATED_FROM =
  '<!-- generated: npx vitest run --project unit test/unit/client/reference.test.ts -u -->';
export const GENERATED_TO = '<!-- end of generated -->';

export function writeReference(commands: CommandSpec[]): string {
  return [
    '## Exit codes',
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...Object.entries(EXIT_MEANING).map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '',
    '1, 2 and 8 may come from any command.',
    '',
    '## Flags of every command',
    '',
    ...flagTable(GLOBAL_OPTIONS),
    ...commands.flatMap(commandSection),
  ].join('\n');
}

/** The page with its generated part replaced. Throws when the page has no such part. */
export function replaceGenerated(page: string, commands: CommandSpec[]): string {
  const start = page.indexOf(GENERATED_FROM);
  const end = page.indexOf(GENERATED_TO);
  if (start === -1 || end < start)
    throw new Error(`docs/commands.md: no ${GENERATED_FROM} … ${GENERATED_TO}`);
  return `${page.slice(0, start)}${GENERATED_FROM}\n\n${writeReference(commands)}\n\n${page.slice(end)}`;
}

function commandSection(spec: CommandSpec): string[] {
  const synopsis = ['slipway', spec.name, spec.arguments].filter((part) => part !== '').join(' ');
  const codes = exitsOf(spec).map(({ code }) => String(code));
  return [
    '',
    `## ${spec.name}`,
    '',
    `\`${synopsis}\`: ${spec.summary}.`,
    '',
    ...(spec.options.length === 0 ? [] : [...flagTable(spec.options), '']),
    '```sh',
    ...spec.examples,
    '```',
    '',
    `Exits: ${codes.join(' ')}`,
  ];
}

function flagTable(options: { flags: string; summary: string }[]): string[] {
  return [
    '| flag | |',
    '| --- | --- |',
    ...options.map(({ flags, summary }) => `| \`${flags}\` | ${summary} |`),
  ];
}
