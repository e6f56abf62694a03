/** Single keys of a terminal, as they are pressed. The terminal is put back whatever ends the program. */
import { readFileSync } from 'node:fs';

/**
 * How long a question stands before it can be answered: what was typed or pasted before anybody could read it is no
 * answer.
 */
export const TO_READ_MS = 300;

const CTRL_C = '\u0003';
const CTRL_Z = '\u001a';

/** A terminal that knows this mode says where a paste begins and ends, also where it arrives in pieces. */
const TELL_PASTES = '\u001b[?2004h';
const TELL_NO_PASTES = '\u001b[?2004l';
const PASTE_BEGINS = '\u001b[200~';
const PASTE_ENDS = '\u001b[201~';

/** Calls `pressed` with what `readKeys` reads until the returned function is called. Ctrl-C is `interrupt`. */
export function listenForKeys(pressed: (key: string) => void, interrupt: () => void): () => void {
  const { stdin, stdout } = process;
  const giveBack = (): void => {
    stdin.setRawMode(false);
    stdout.write(TELL_NO_PASTES);
  };
  const take = (): void => {
    if (!isInForeground()) return;
    // Twice, since the mode may have been changed behind our back while we were stopped.
    giveBack();
    stdin.setRawMode(true);
    stdout.write(TELL_PASTES);
  };
  const readKey = readKeys();
  const onData = (data: Buffer | string): void => {
    const text = data.toString();
    const key = readKey(text);
    if (text.includes(CTRL_C)) interrupt();
    else if (key === CTRL_Z) suspend(giveBack);
    else pressed(key);
  };
  stdin.on('data', onData);
  process.on('SIGCONT', take);
  process.on('exit', giveBack);
  take();
  stdin.resume();
  return () => {
    stdin.off('data', onData);
    process.off('SIGCONT', take);
    process.off('exit', giveBack);
    giveBack();
    stdin.pause();
  };
}

/**
 * Reads what a terminal sends at once: one key (a letter in lower case), or empty for what nobody pressed as one, such
 * as pasted words, each letter of which could decide, and an arrow. Remembers that a paste goes on.
 */
export function readKeys(): (text: string) => string {
  let pasting = false;
  let tail = '';
  return (text) => {
    const recent = tail + text;
    const wasPasting = pasting;
    const begins = recent.lastIndexOf(PASTE_BEGINS);
    const ends = recent.lastIndexOf(PASTE_ENDS);
    if (begins !== ends) pasting = begins > ends;
    // Too short to hold a whole mark, which would be seen twice.
    tail = recent.slice(1 - PASTE_ENDS.length);
    const isOne = Array.from(text).length === 1;
    return isOne && !wasPasting && !pasting ? text.toLowerCase() : '';
  };
}

/** What Ctrl-Z does where keys are not read one by one: the whole job stops, `fg` goes on. */
function suspend(giveBack: () => void): void {
  giveBack();
  process.kill(0, 'SIGTSTP');
}

/** A job in the background must not touch the terminal: it would be stopped for it. Told only by Linux. */
export function isInForeground(): boolean {
  try {
    const text = readFileSync('/proc/self/stat', 'utf8');
    // pid (name) state ppid pgrp session tty tpgid: the name may hold anything, so it is skipped from behind.
    const [, , group, , , foreground] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return true;
  }
}
