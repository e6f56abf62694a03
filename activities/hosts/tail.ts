/** The last bytes of a stream, in bounded memory. */
export class Tail {
  private chunks: Buffer[] = [];
  private size = 0;
  /** True once bytes were dropped. */
  truncated = false;

  constructor(private readonly keepBytes: number) {}

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    // compacted rarely, so that many small chunks cost no copy each
    if (this.size > this.keepBytes * 2 || this.chunks.length > 4096) this.compact();
  }

  /** Forgets what it has and keeps the end of `whole`. */
  replace(whole: Buffer): void {
    this.chunks = [whole];
    this.compact();
  }

  bytes(): Buffer {
    this.compact();
    return this.chunks[0] ?? Buffer.alloc(0);
  }

  private compact(): void {
    const whole = Buffer.concat(this.chunks);
    const kept = whole.length > this.keepBytes ? Buffer.from(whole.subarray(-this.keepBytes)) : whole;
    if (kept.length < whole.length) this.truncated = true;
    this.chunks = [kept];
    this.size = kept.length;
  }
}

/** What was said last: the line before the closing line break. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** The last `limit` UTF-8 bytes of `text`, never starting in the middle of a character. */
export function tailOfText(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  let start = bytes.length - limit;
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start).toString();
}
