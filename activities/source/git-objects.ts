/**
 * Objects of a mirror, as many as are asked for, from one `git cat-file --batch`: to start a git blocks a worker for
 * longer than any answer takes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { gitCommand, gitFailed, gitNotStarted, LARGEST_ANSWER_BYTES, type GitCall } from './run-git.js';
import type { Mirror } from './source.js';

export interface GitObject {
  id: string;
  type: string;
  bytes: number;
  /** null when it is larger than what was asked for. */
  content: Buffer | null;
}

export interface GitObjects {
  mirror: Mirror;
  /** What a name stands for (`<sha>^{commit}`, `refs/heads/x^{commit}`, `<sha>:folder/file`); null = nothing. */
  read(name: string, atMostBytes?: number): Promise<GitObject | null>;
}

const HEADER = /^([0-9a-f]{40}|[0-9a-f]{64}) (\w+) (\d+)$/;

/** The objects are there while `work` runs; git is gone afterwards. */
export async function withObjects<T>(mirror: Mirror, work: (objects: GitObjects) => Promise<T>): Promise<T> {
  const call: GitCall = { repository: mirror.folder, args: ['cat-file', '--batch'] };
  const { args, options } = gitCommand(call);
  const child = spawn('git', args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(child, 'close').catch((error: unknown) => {
    throw gitNotStarted(call, error);
  });
  ended.catch(() => {});
  child.stdin.on('error', () => {});
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
  const answers = new Answers(child.stdout);

  const ask = async (name: string, atMostBytes: number): Promise<GitObject | null> => {
    if (name.includes('\n'))
      throw new Error(`${JSON.stringify(name)} cannot be asked for: it has a line break`);
    child.stdin.write(`${name}\n`);
    const header = await answers.line().catch(() => null);
    if (header === null) {
      await ended;
      throw gitFailed(call, { exitCode: child.exitCode ?? 1, stdout: Buffer.alloc(0), stderr });
    }
    const [, id = '', type = '', size = ''] = HEADER.exec(header) ?? [];
    if (id === '') return null;
    const content = await answers.content(Number(size), atMostBytes);
    return { id, type, bytes: Number(size), content };
  };

  let last: Promise<unknown> = Promise.resolve();
  try {
    return await work({
      mirror,
      // one answer at a time: they come in the order of the questions
      read: (name, atMostBytes = LARGEST_ANSWER_BYTES) => {
        const mine = last.then(() => ask(name, atMostBytes));
        last = mine.catch(() => {});
        return mine;
      },
    });
  } finally {
    child.kill('SIGKILL');
    child.stdout.destroy();
  }
}

/** What git writes, cut into lines and contents of known length. */
class Answers {
  private readonly chunks: AsyncIterator<Buffer>;
  private held: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.chunks = stream[Symbol.asyncIterator]();
  }

  /** null = git wrote no more. */
  async line(): Promise<string | null> {
    for (;;) {
      const end = this.held.indexOf(10);
      if (end >= 0) return this.take(end + 1).toString('utf8', 0, end);
      if (!(await this.more())) return null;
    }
  }

  /** Read to its end in any case, with the line break that git puts after it. */
  async content(bytes: number, atMostBytes: number): Promise<Buffer | null> {
    const kept: Buffer[] = [];
    for (let left = bytes + 1; left > 0;) {
      if (this.held.length === 0 && !(await this.more())) throw new Error('git cat-file ended in the middle');
      const part = this.take(Math.min(left, this.held.length));
      left -= part.length;
      if (bytes <= atMostBytes) kept.push(part);
    }
    return bytes <= atMostBytes ? Buffer.concat(kept).subarray(0, bytes) : null;
  }

  private take(bytes: number): Buffer {
    const part = this.held.subarray(0, bytes);
    this.held = this.held.subarray(bytes);
    return part;
  }

  private async more(): Promise<boolean> {
    const next = await this.chunks.next();
    if (next.done === true) return false;
    this.held = this.held.length === 0 ? next.value : Buffer.concat([this.held, next.value]);
    return true;
  }
}
