/** Which key people sign with, and what they are told when there is none. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../../client/exit-codes.js';
import { findSigningKey, signText } from '../../../client/sign-with-ssh.js';

let home: string;
const own = (name: string): string => path.join(home, '.ssh', name);
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'slw-key-'));
  mkdirSync(path.join(home, '.ssh'));
  for (const name of ['id_rsa', 'work', 'work.pub']) writeFileSync(own(name), '');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('the key to sign with', () => {
  it('is the one that is named, else the usual one', () => {
    expect(findSigningKey(null, { HOME: home })).toBe(own('id_rsa'));
    expect(findSigningKey(null, { HOME: home, SLIPWAY_SIGNING_KEY: own('work') })).toBe(own('work'));
    expect(findSigningKey(own('work.pub'), { HOME: home })).toBe(own('work.pub'));
  });

  it.each(['work', 'work.pub', 'work-cert.pub'])('is its certificate where that lies beside %s', (name) => {
    writeFileSync(own('work-cert.pub'), '');
    expect(findSigningKey(own(name), { HOME: home })).toBe(own('work-cert.pub'));
  });

  it('that others may read is refused with the command that mends it', async () => {
    rmSync(own('work'));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', own('work two')]);
    chmodSync(own('work two'), 0o644);
    await expect(
      signText('approve', { namespace: 'slipway', keyFile: own('work two') }),
    ).rejects.toMatchObject({
      exit: EXIT.badInput,
      wayOut: `let nobody else read it: chmod 600 '${own('work two')}'`,
    });
  });

  it('that is nowhere leaves it unsigned (5); one that was named and is not there is a bad flag (2)', () => {
    rmSync(own('id_rsa'));
    const exitOf = (asked: string | null, env: NodeJS.ProcessEnv): unknown => {
      try {
        return findSigningKey(asked, { HOME: home, ...env });
      } catch (error) {
        return error;
      }
    };
    expect(exitOf(null, {})).toMatchObject({
      exit: EXIT.refused,
      where: path.join(home, '.ssh'),
      // `slipway watch` signs too, and has no such flag
      wayOut: expect.stringMatching(/SLIPWAY_SIGNING_KEY.*--key/) as unknown,
    });
    expect(exitOf(own('gone'), {})).toMatchObject({ exit: EXIT.badInput, where: own('gone') });
    expect(exitOf(null, { SLIPWAY_SIGNING_KEY: own('gone') })).toMatchObject({ exit: EXIT.badInput });
  });
});
