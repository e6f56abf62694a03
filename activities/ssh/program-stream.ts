/**
 * A remote program's stdin and stdout as one stream. When the program cannot do its work, what it said on stderr
 * becomes the stream's error, instead of an end that looks like a hang-up.
 */
import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';

const ERROR_CHARACTERS = 2048;

/** `exitCode` is asked once the channel has closed; null = the connection was lost. */
export function programStream(channel: ClientChannel, exitCode: () => number | null): Duplex {
  let said = '';
  const stream = new Duplex({
    read: () => {
      channel.resume();
    },
    write: (chunk: Buffer, _encoding, done) => {
      channel.write(chunk, () => {
        done();
      });
    },
    final: (done) => {
      channel.end();
      done();
    },
    destroy: (error, done) => {
      channel.close();
      done(error);
    },
  });
  channel.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) channel.pause();
  });
  channel.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-ERROR_CHARACTERS);
  });
  // the channel's close follows, and says more
  channel.on('error', () => undefined);
  channel.once('close', () => {
    const code = exitCode();
    if (code === 0) stream.push(null);
    else stream.destroy(new Error(said.trim() || (code === null ? 'connection lost' : `exit ${code}`)));
  });
  return stream;
}
