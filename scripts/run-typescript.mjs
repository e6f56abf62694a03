// run-typescript.mjs FILE [ARG …]: runs a test program (benchmark, chaos, recorder) from its sources; builds dist/ first.
import path from 'node:path';
import { build } from './build.mjs';
import { root } from './ensure-installed.mjs';

const [file, ...args] = process.argv.slice(2);
await build();
const { runnerImport } = await import('vite');
process.argv.splice(1, Infinity, path.join(root, file), ...args);
await runnerImport(path.join(root, file), { root, logLevel: 'warn' });
