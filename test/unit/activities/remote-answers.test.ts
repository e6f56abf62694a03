/** What a host's script said, or did not get to say. */
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../../activities/hosts/remote-answers.js';
import type { ShellResult } from '../../../activities/hosts/shell.js';

const ENDED: ShellResult = {
  exitCode: 0,
  signal: null,
  durationMs: 5,
  stdout: Buffer.from('claimed 3 an-id\n'),
  stderr: Buffer.alloc(0),
  truncated: false,
  timedOut: false,
  connectionLost: false,
  group: 42,
};

const read = (result: Partial<ShellResult>): unknown => {
  try {
    return readAnswer({ ...ENDED, ...result }, 'prod host web-1', null).words;
  } catch (error) {
    return error;
  }
};

describe('an answer', () => {
  it('is its first line', () => {
    expect(read({})).toEqual(['claimed', '3', 'an-id']);
  });

  it.each(['SIGTERM', 'SIGKILL', 'SIGHUP'])(
    'is not there when the host ended the script by %s, as a host that goes down does: asked again',
    (signal) => {
      expect(read({ exitCode: null, signal, stdout: Buffer.alloc(0) })).toMatchObject({
        nonRetryable: false,
      });
    },
  );

  it('is not there without a connection: asked again', () => {
    expect(read({ exitCode: null, connectionLost: true })).toMatchObject({ nonRetryable: false });
  });

  it('that is a failure of the script itself will be the same again', () => {
    const stderr = Buffer.from('mkdir: No space left on device\n');
    expect(read({ exitCode: 74, stdout: Buffer.alloc(0), stderr })).toMatchObject({
      type: 'Refused',
      nonRetryable: true,
    });
  });
});
