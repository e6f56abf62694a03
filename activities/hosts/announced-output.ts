/**
 * Every line we send first announces itself with its process group, on stdout and on stderr. What a login shell's
 * start-up files printed before that is not the command's output and is dropped; a shell that never gets to our
 * line (nologin, a forced command) keeps its words, since they are the explanation.
 */
import { randomUUID } from 'node:crypto';
import { quoteWord } from './quote.js';
import { Tail } from './tail.js';

export interface Announcement {
  /** For a shell of which nothing is known: one plain word after the other, then a quoted one. */
  line: string;
  /** The same as POSIX sh. */
  text: string;
  marker: string;
}

/** Login shells that read a quoted command as sh does. */
const READ_AS_SH = new Set(['sh', 'ash', 'dash', 'bash']);

/** Makes a script announce its group and the login shell around it, then go on in the same process. */
export function announce(script: string): Announcement {
  const marker = `slipway-${randomUUID()}-group:`;
  // a forced command is whatever it is, and no login shell
  const shell = '"${SHELL##*/}${SSH_ORIGINAL_COMMAND+ forced}"';
  const text = `echo ${marker}$$ ${shell}; echo ${marker}$$ >&2\n${script}`;
  return { line: `exec sh -c ${quoteWord(text)}`, text, marker };
}

/** Collects one stream, leaving out everything up to the announcement. */
export class AnnouncedOutput {
  group: number | null = null;
  /** The login shell reads POSIX sh, as far as this stream says. */
  isInSh = false;
  private waiting: Buffer = Buffer.alloc(0);
  private readonly tail: Tail;

  constructor(
    private readonly marker: string,
    private readonly keepBytes: number,
  ) {
    this.tail = new Tail(keepBytes);
  }

  push(chunk: Buffer): void {
    if (this.group !== null) {
      this.tail.push(chunk);
      return;
    }
    this.waiting = Buffer.concat([this.waiting, chunk]);
    const start = this.waiting.indexOf(this.marker);
    const end = start === -1 ? -1 : this.waiting.indexOf('\n', start);
    if (end !== -1) {
      const said = this.waiting.subarray(start + this.marker.length, end).toString();
      const [group, ...shell] = said.split(' ');
      this.group = Number(group);
      this.isInSh = READ_AS_SH.has(shell.join(' '));
      this.tail.push(this.waiting.subarray(end + 1));
      this.waiting = Buffer.alloc(0);
    } else if (this.waiting.length > this.keepBytes * 2) {
      this.waiting = this.waiting.subarray(-this.keepBytes);
    }
  }

  bytes(): Buffer {
    return this.group === null ? this.waiting.subarray(-this.keepBytes) : this.tail.bytes();
  }

  get truncated(): boolean {
    return this.tail.truncated;
  }
}
