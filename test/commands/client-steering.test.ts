/** What waits for nothing does not announce itself to its environment: it is paused and aborted all the same. */
import { describe, expect, it } from 'vitest';
import { setClientScene } from '../support/client-scene.js';
import { breakActivity, environmentKey, release as letGo } from '../support/fake-world.js';
import { readJson } from '../support/slipway-command.js';
import { until } from '../support/workflow-harness.js';

const scene = setClientScene();
const { run } = scene;

describe('steering what waits for nothing', () => {
  it.each(['', ' --version VERSION', ' --version REQUEST'])(
    'pauses and aborts what waits for nothing, in the middle of its change and in the queue: stage%s',
    async (which) => {
      const key = environmentKey(scene.pipeline, 'stage');
      const stageOf = async () => {
        const { environments } = readJson(await run('status stage --json')).data as {
          environments: { inFlight?: { version: string; requestId: string }; queue: string[] }[];
        };
        return environments[0];
      };
      breakActivity(scene.harness.world, key, 'deploy', 'hang-before');
      await run('release main --until started', 'irina');
      const change = await until('stage deploys', async () => {
        const { inFlight } = (await stageOf()) ?? {};
        return scene.harness.world.glance().arrived.includes(`${key} deploy`) && inFlight;
      });
      const named = which.replace('VERSION', change.version).replace('REQUEST', change.requestId);
      const paused = await run(`pause stage${named}`);
      expect(paused, paused.err).toMatchObject({ exit: 0 });
      const resumed = await run(`resume stage${named}`);
      expect(resumed, resumed.err).toMatchObject({ exit: 0 });

      await scene.repository.git('branch', 'hotfix/queued', 'v1.0.0');
      await run('release hotfix/queued --until started', 'irina');
      const queued = await until('another stands behind it', async () => (await stageOf())?.queue[0]);
      const out = await run(`abort stage --version ${queued} --yes`);
      expect(out, out.err).toMatchObject({ exit: 0 });
      expect(out.out).toMatch(/ABORTED|aborted/);

      const aborting = run(`abort stage${named} --yes`);
      await until('it is taken', async () =>
        JSON.stringify(readJson(await run('status stage --json'))).includes('"decision":"abort"'),
      );
      letGo(scene.harness.world, key, 'deploy');
      const aborted = await aborting;
      expect(aborted, aborted.err).toMatchObject({ exit: 0 });
      expect(aborted.out).toContain('ABORTED');
      expect((await stageOf())?.inFlight).toBeUndefined();
    },
  );
});
