/**
 * A stream that can be used before it is open. Node's HTTP agent counts a connection only once it has it, so an
 * agent that opens its connections asynchronously opens any number of them.
 */
import { Duplex } from 'node:stream';

/** What Node's HTTP client calls on a TCP socket. */
interface SocketManners {
  setKeepAlive(): void;
  setNoDelay(): void;
  setTimeout(): void;
  ref(): void;
  unref(): void;
}

/** `idleMs`: closed by itself when the agent has put it aside for this long. */
export function lazyStream(open: () => Promise<Duplex>, idleMs: number): Duplex & SocketManners {
  const opening = open();
  let inner: Duplex | null = null;
  let idle: NodeJS.Timeout | undefined;
  const whenOpen = (use: (stream: Duplex) => void): void => {
    // a failure to open destroys the stream below, which answers every pending use
    opening.then(use, () => undefined);
  };
  const stream = new Duplex({
    // the other side's end is the end
    allowHalfOpen: false,
    read: () => {
      inner?.resume();
    },
    write: (chunk: Buffer, _encoding, done) => {
      whenOpen((channel) => {
        channel.write(chunk, done);
      });
    },
    final: (done) => {
      whenOpen((channel) => {
        channel.end(done);
      });
    },
    destroy: (error, done) => {
      clearTimeout(idle);
      whenOpen((channel) => {
        channel.destroy();
      });
      done(error);
    },
  });
  opening.then(
    (channel) => {
      inner = channel;
      channel.on('data', (chunk: Buffer) => {
        if (!stream.push(chunk)) channel.pause();
      });
      channel.once('end', () => stream.push(null));
      channel.once('error', (error: Error) => stream.destroy(error));
      channel.once('close', () => {
        // after a proper end what was received is still to be read
        if (!channel.readableEnded) stream.destroy();
      });
    },
    (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return Object.assign(stream, {
    // called when the agent puts the connection aside
    setKeepAlive: () => {
      idle = setTimeout(() => stream.destroy(), idleMs);
      idle.unref();
    },
    // called when the agent takes it up again
    ref: () => {
      clearTimeout(idle);
    },
    setNoDelay: () => undefined,
    setTimeout: () => undefined,
    unref: () => undefined,
  });
}
