// Every file must parse; put your linter here.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

for (const folder of ['src', 'test', 'scripts']) {
  for (const name of readdirSync(folder)) {
    const { status } = spawnSync(process.execPath, ['--check', `${folder}/${name}`], { stdio: 'inherit' });
    if (status !== 0) process.exit(1);
  }
}
