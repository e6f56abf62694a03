/**
 * The last thing between other people's text and what reads our output besides people. Screens already clean what they
 * show; this holds for every line, also for logs and JSON.
 */
import type { Terminal } from './terminal.js';

/** What a terminal obeys or draws elsewhere and JSON leaves as it is: C1 escapes, marks that reorder text. */
const JSON_LEAVES = /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** With `json` only invisible characters change their spelling; in a GitHub job no line can be a command to its runner. */
export function guardTerminal(terminal: Terminal, json: boolean): Terminal {
  const onGitHub = terminal.env['GITHUB_ACTIONS'] === 'true';
  const guard = (text: string): string => {
    const visible = json ? text.replaceAll(JSON_LEAVES, escapeJson) : text;
    return onGitHub ? silenceCommands(visible, json) : visible;
  };
  return { ...terminal, out: (text) => terminal.out(guard(text)), err: (text) => terminal.err(guard(text)) };
}

/**
 * A runner obeys lines that begin with `::`, behind blanks too, and `##[` anywhere: whoever writes a line of a
 * container's log could set outputs and mask words. Inside JSON `##[` keeps its meaning.
 */
function silenceCommands(text: string, json: boolean): string {
  return text.replaceAll(/^(\s*):(?=:)/gm, '$1: ').replaceAll('##[', json ? '#\\u0023[' : '## [');
}

function escapeJson(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
