/**
 * The last thing between other people's text and what reads our output besides people. Screens already clean what they
 * show; this holds for every line, also for logs and JSON.
 */
import type { Screen, Terminal } from './terminal.js';

/** What a terminal obeys or draws elsewhere and JSON leaves as it is: C1 escapes, marks that reorder text. */
const JSON_LEAVES = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Our own colours, and next to them what else a terminal would obey: that is somebody's, and goes. */
const OBEYED =
  // oxlint-disable-next-line no-control-regex -- what is looked for
  /(\u001b\[(?:1|2|22|31|32|33|39)m)|(?!\r?\n|\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** With `json` only invisible characters change their spelling; in a GitHub job no line can be a command to its runner. */
export function guardTerminal(terminal: Terminal, json: boolean): Terminal {
  const onGitHub = terminal.env['GITHUB_ACTIONS'] === 'true';
  const guard = (text: string): string => {
    const visible = json ? spellOut(text) : withoutObeyed(text);
    return onGitHub ? silenceCommands(visible, json) : visible;
  };
  const { openScreen } = terminal;
  return {
    ...terminal,
    out: (text) => terminal.out(guard(text)),
    err: (text) => terminal.err(guard(text)),
    annotate: (line) => terminal.annotate(withoutObeyed(line)),
    ask: (question) => terminal.ask(withoutObeyed(question)),
    openScreen: openScreen === null ? null : async () => guardScreen(await openScreen()),
  };
}

/** JSON that means the same, with nothing in it that would be taken out on its way to a terminal. */
export function spellOut(json: string): string {
  return json.replaceAll(JSON_LEAVES, escapeJson);
}

function guardScreen(screen: Screen): Screen {
  return { ...screen, draw: (text) => screen.draw(cutLines(withoutObeyed(text))) };
}

/** Wrapping a line of megabytes takes minutes, in which not even Ctrl-C is heard; nobody reads so far. */
const LONGEST_LINE = 2_000;
const MOST_LINES = 1_000;

function cutLines(text: string): string {
  const lines = text.split('\n');
  if (lines.length <= MOST_LINES && lines.every(({ length }) => length <= LONGEST_LINE)) return text;
  return lines
    .slice(0, MOST_LINES)
    .map((line) => (line.length <= LONGEST_LINE ? line : withoutObeyed(line.slice(0, LONGEST_LINE))))
    .join('\n');
}

function withoutObeyed(text: string): string {
  return text.replaceAll(OBEYED, (_, ours: string | undefined) => ours ?? '');
}

/**
 * A runner obeys lines that begin with `::`, behind blanks too, and `##[` anywhere: whoever writes a line of a
 * container's log could set outputs and mask words. Inside JSON `##[` keeps its meaning.
 */
function silenceCommands(text: string, json: boolean): string {
  return text
    .replaceAll(/^([^\S\n\r\u2028\u2029]*):(?=:)/gm, '$1: ')
    .replaceAll('##[', json ? '#\\u0023[' : '## [');
}

function escapeJson(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
