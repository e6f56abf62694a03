// Compiles to dist/ and bundles the workflows there, unless dist/ is already of these sources.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled, root, run } from './ensure-installed.mjs';

const ROOMS = ['pipeline', 'workflows', 'activities', 'workers', 'client', 'payloads', 'examples'];

export async function build() {
  ensureInstalled();
  if (isBuilt()) return;
  const sources = hashSources();
  removeUnfinished();
  // Made beside and swapped in: what runs from dist/ meanwhile never finds half of it.
  const made = path.join(root, `.dist-${process.pid}`);
  run('npx', ['--no-install', 'tsc', '-p', 'tsconfig.build.json', '--outDir', made]);
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const { sealedBundleOptions } = await import(pathToFileURL(path.join(made, 'payloads/data-converters.js')));
  for (const [name, more] of [
    ['workflow-bundle.js', {}],
    ['workflow-bundle-sealed.js', sealedBundleOptions()],
  ]) {
    const workflowsPath = path.join(made, 'workflows/index.js');
    const { code } = await bundleWorkflowCode({ workflowsPath, logger: quietLogger, ...more });
    writeFileSync(path.join(made, name), code);
  }
  chmodSync(path.join(made, 'client/main.js'), 0o755);
  writeFileSync(path.join(made, '.sources'), sources);
  const old = `${made}-old`;
  if (existsSync(path.join(root, 'dist'))) renameSync(path.join(root, 'dist'), old);
  renameSync(made, path.join(root, 'dist'));
  rmSync(old, { recursive: true, force: true });
}

/** Is dist/ of these sources? */
export function isBuilt() {
  const stamp = path.join(root, 'dist', '.sources');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hashSources();
}

/** What a build that was killed has left behind. */
function removeUnfinished() {
  for (const name of readdirSync(root)) {
    const pid = /^\.dist-(\d+)(-old)?$/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(path.join(root, name), { recursive: true, force: true });
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

const quietLogger = Object.fromEntries(
  ['log', 'trace', 'debug', 'info', 'warn'].map((level) => [level, () => undefined]),
);
quietLogger.error = (message) => process.stderr.write(`${message}\n`);

function hashSources() {
  const hash = createHash('sha256');
  for (const file of ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs']) {
    hash.update(readFileSync(path.join(root, file)));
  }
  for (const room of ROOMS) {
    const files = readdirSync(path.join(root, room), { recursive: true })
      .map(String)
      .filter((file) => file.endsWith('.ts'));
    for (const file of files.sort()) {
      hash.update(`${room}/${file}\n`).update(readFileSync(path.join(root, room, file)));
    }
  }
  return hash.digest('hex');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await build();
