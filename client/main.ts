#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { runCommandLine } from './program.js';
import { processTerminal } from './terminal.js';

const LINGER_MS = 500;

/** The package's own version: beside `client/` in a checkout, one folder higher once compiled to `dist/`. */
function readVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const found: unknown = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'));
      if (typeof found === 'object' && found !== null && 'version' in found) return String(found.version);
    } catch {
      // Not there: look one folder higher.
    }
  }
  return 'unknown';
}

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal(), readVersion());
// A question still in flight after Ctrl-C must not hold the prompt.
setTimeout(() => process.exit(), LINGER_MS).unref();
