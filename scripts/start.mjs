// `npm start`: installs and builds what is missing, then the demo.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { build } from './build.mjs';
import { root } from './ensure-installed.mjs';

await build();
const demo = path.join(root, 'dist/examples/hello/demo/demo.js');
const child = spawn(process.execPath, [demo, ...process.argv.slice(2)], { stdio: 'inherit' });
// The terminal sends Ctrl-C to both; the demo cleans up and we wait for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => signal === 'SIGINT' || child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)));
