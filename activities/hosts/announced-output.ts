/**
 * Every line we send first announces itself with its process group, on stdout and on stderr. What a login shell's
 * start-up files printed before that is not the command's output and is dropped; a shell that never gets to our
 * line (nologin, a forced command) keeps its words, since they are the explanation.
 */
import { randomBytes } from 'node:crypto';
import { quoteWord } from './quote.js';
import { Tail } from './tail.js';

export interface Announcement {
  line: string;
  marker: string;
}

/** Wraps a script so that it announces its group, then runs in the same process. */
export function announce(script: string): Announcement {
  const marker = `slipway-${randomBytes(8).toString('hex')}-group:`;
  const whole = `echo ${marker}$$; echo ${marker}$$ >&2\n${script}`;
  return { line: `exec sh -c ${quoteWord(whole)}`, marker };
}

/** Collects one stream, leaving out everything up to the announcement. */
export class AnnouncedOutput {
  group: number | null = null;
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
      this.group = Number(this.waiting.subarray(start + this.marker.length, end).toString());
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
