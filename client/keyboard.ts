/** Single keys of a terminal, as they are pressed. The terminal is put back whatever ends the program. */
import { readFileSync } from 'node:fs';
import { emitKeypressEvents, type Key } from 'node:readline';

/** Calls `pressed` with the name of each key until the returned function is called. Ctrl-C is `interrupt`. */
export function listenForKeys(pressed: (key: string) => void, interrupt: () => void): () => void {
  const { stdin } = process;
  const giveBack = (): void => void stdin.setRawMode(false);
  const take = (): void => {
    if (!isInForeground()) return;
    // Twice, since the mode may have been changed behind our back while we were stopped.
    giveBack();
    stdin.setRawMode(true);
  };
  const onKey = (text: string | undefined, { name, ctrl, meta }: Key): void => {
    if (ctrl === true && name === 'c') interrupt();
    else if (ctrl === true && name === 'z') suspend(giveBack);
    else if (ctrl !== true && meta !== true) pressed(name ?? text ?? '');
  };
  emitKeypressEvents(stdin);
  stdin.on('keypress', onKey);
  process.on('SIGCONT', take);
  process.on('exit', giveBack);
  take();
  stdin.resume();
  return () => {
    stdin.off('keypress', onKey);
    process.off('SIGCONT', take);
    process.off('exit', giveBack);
    giveBack();
    stdin.pause();
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
