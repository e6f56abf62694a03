/** `slipway serve` in this process, for as long as a test runs. */
import { onTestFinished } from 'vitest';
import type { ClientScene } from './client-scene.js';
import { slipway, type CommandRun } from './slipway-command.js';
import { GITHUB_NAME, SECRET } from './webhooks.js';
import { until } from './workflow-harness.js';

export interface Receiver {
  /** Where GitHub delivers to. */
  url: string;
  /** Everything said so far, one event per line. */
  lines(): Record<string, unknown>[];
  stop(): Promise<CommandRun>;
}

/** Listens on a free port for deliveries about the repository of GitHub's examples. */
export async function startReceiver(
  scene: Pick<ClientScene, 'pipeline' | 'env'> & { repository: { folder: string } },
  env: Record<string, string> = {},
): Promise<Receiver> {
  const controller = new AbortController();
  let out = '';
  const { pipeline, repository } = scene;
  const flags = ['--pipeline', pipeline, '--repository', repository.folder, '--github', GITHUB_NAME];
  const run = slipway(['serve', '--port', '0', '--json', ...flags], {
    cwd: '/',
    env: scene.env('nobody', { SLIPWAY_WEBHOOK_SECRET: SECRET, ...env }),
    interrupted: controller.signal,
    onOutput: (text) => {
      out = text;
    },
  });
  const stop = (): Promise<CommandRun> => {
    controller.abort();
    return run;
  };
  onTestFinished(async () => void (await stop()));
  const lines = (): Record<string, unknown>[] =>
    out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const first = await until('it listens', () => lines()[0]);
  if (first['event'] !== 'listening') throw new Error(out);
  return { url: String(first['url']), lines, stop };
}
