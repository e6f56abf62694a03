/** Environments whose policy says who may: signed by the command, verified by a worker, on the run's server. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { inject } from 'vitest';
import { createPolicyStore } from '../../activities/trust/policy-store.js';
import { createVerifyDecision } from '../../activities/trust/verify-decision.js';
import type { EnvironmentPlan, MayRule } from '../../pipeline/plan.js';
import { targetOf, type Target } from '../../workflows/activity-contract.js';
import type { ProgressStatus } from '../../workflows/messages.js';
import type { SignedStatement } from '../../workflows/signed-statements.js';
import { statusOf } from './change-scene.js';
import { EnvironmentScene } from './environment-scene.js';
import { givenPlan, givenTraffic } from './given.js';
import { givePersonKey } from './people.js';
import { readJson, slipway, type CommandRun } from './slipway-command.js';
import { startWorkers } from './workers.js';
import { quiet, startHarness, until, type Harness } from './workflow-harness.js';

/** As many as a test file asks a scene for. */
const ENVIRONMENTS = 12;

/** One of the leads. */
export const IRINA = 'irina@example.com';
/** Not one of them. */
export const OLEG = 'oleg@example.com';
export const MAY: MayRule = { switch: ['leads'], rollback: ['leads'], freeze: ['leads'] };

export interface Printed {
  statement: SignedStatement;
}

/** As somebody sends it who has seen it, to be first. */
export function badCopyOf<Said extends Printed>(said: Said): Said {
  return { ...said, statement: { ...said.statement, signature: 'none' } };
}

export const deniedOf = ({ out }: CommandRun): string =>
  String(readJson({ exit: 0, err: '', out }).data['refused']);

export class SignedScene {
  /** What was verified, by environment; and what traffic was moved with. */
  readonly heard: string[] = [];
  readonly switched: Target[] = [];
  #end: () => Promise<void> = () => Promise.resolve();

  private constructor(
    readonly harness: Harness,
    readonly folder: string,
    /** One environment per test, all in the policy. */
    private readonly names: string[],
  ) {}

  static async start(): Promise<SignedScene> {
    quiet();
    const folder = await mkdtemp(path.join(tmpdir(), 'slw-decisions-'));
    const names = Array.from({ length: ENVIRONMENTS }, () => `prod-${randomUUID().slice(0, 8)}`);
    const scene = new SignedScene(await startHarness({ workers: false }), folder, names);
    await scene.startWorkers();
    return scene;
  }

  async end(): Promise<void> {
    await this.#end();
    await this.harness.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  givenEnvironment(may: MayRule | undefined, change: Partial<EnvironmentPlan> = {}): EnvironmentScene {
    const name = this.names.pop();
    if (name === undefined) throw new Error('a scene has no more environments');
    return new EnvironmentScene(
      this.harness,
      givenPlan({ name, policy: { rules: [] }, ...(may === undefined ? {} : { may }), ...change }),
    );
  }

  byHand(): EnvironmentScene {
    return this.givenEnvironment(MAY, { traffic: givenTraffic({ switch: 'manual' }), bake: null });
  }

  /** The command with the person's own key, as the person says it; with an `answer` on a terminal. */
  async run(line: string, person = IRINA, key = person, answer?: string): Promise<CommandRun> {
    const env = {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      SLIPWAY_TASK_QUEUE: this.harness.taskQueue,
      SLIPWAY_ACTOR: person,
      SLIPWAY_SIGNING_KEY: path.join(this.folder, key),
    };
    return await slipway([...line.split(' '), '--pipeline', 'shop'], {
      ...{ cwd: this.folder, env },
      ...(answer === undefined ? {} : { answer }),
    });
  }

  /** The lane is a run of its own, which begins after the environment has said so. */
  async waitsForSwitch(
    prod: EnvironmentScene,
    token = 1,
  ): Promise<{ lane: WorkflowHandle; asked: ProgressStatus }> {
    const lane = this.harness.client.workflow.getHandle(prod.lane);
    const asked = await until('the change waits for a word to switch', async () => {
      const status = await statusOf(lane).catch(() => null);
      return status?.waitingFor === 'switch' && status.switching?.token === token && status;
    });
    return { lane, asked };
  }

  private async startWorkers(): Promise<void> {
    await this.writePolicy();
    const native = await NativeConnection.connect({ address: inject('temporalAddress') });
    const policy = createPolicyStore(path.join(this.folder, 'policy.yaml'), { isDemo: false });
    const verify = createVerifyDecision({ policy });
    const { activities, taskQueue } = this.harness;
    const workers = await startWorkers(native, taskQueue, inject('workflowBundle'), {
      ...activities,
      verifyDecision: (claim) => {
        this.heard.push(`${claim.subject.environment} ${claim.subject.decision}`);
        return verify(claim);
      },
      switchTraffic: (input) => {
        this.switched.push(targetOf(input));
        return activities.switchTraffic(input);
      },
    });
    this.#end = async () => {
      await workers();
      await native.close();
    };
  }

  private async writePolicy(): Promise<void> {
    const lines = [IRINA, OLEG].map((name) => givePersonKey(path.join(this.folder, name), name));
    await writeFile(path.join(this.folder, 'allowed_signers'), (await Promise.all(lines)).join(''));
    const rules = 'hosts: [], may: {switch: [leads], rollback: [leads], freeze: [leads]}';
    await writeFile(
      path.join(this.folder, 'policy.yaml'),
      `allowed-signers: allowed_signers
groups: {leads: [${IRINA}], others: [${OLEG}]}
pipelines: {shop: {repositories: [/srv/shop.git], environments: {${this.names.map((name) => `${name}: {${rules}}`).join(', ')}}}}
`,
    );
  }
}
