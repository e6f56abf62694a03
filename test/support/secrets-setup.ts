/** Around every run: the marks that its secrets hold, and in the end what was found of them (CONTRIBUTING.md). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RUN_FOLDER, writeMarks } from './planted.js';
import { describeFindings, takeFindings } from './search-for-secrets.js';

/** Called for each project; the first one makes the folder, all answer for what was found until they end. */
export default function setup(): () => void {
  const folder = (process.env[RUN_FOLDER] ??= makeFolder());
  return () => {
    const found = takeFindings(folder);
    if (found.length === 0) return;
    // an error thrown here would be printed and forgotten
    process.exitCode = 1;
    process.stderr.write(`\n${describeFindings(found)}\n`);
  };
}

function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-run-'));
  writeMarks(folder);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
