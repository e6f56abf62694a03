/** One Temporal server and one workflow bundle for the whole run; each test file takes its own task queue. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { TestProject } from 'vitest/node';
import { serverSettings } from '../../workers/embedded-temporal.js';
import { isBuilt } from './is-built.js';
import { part } from './parts.js';
import { searchTemporal } from './search-temporal.js';

declare module 'vitest' {
  interface ProvidedContext {
    temporalAddress: string;
    workflowBundle: string;
  }
}

export interface RunningTemporal {
  address: string;
  /** Code of the bundle of `workflows/index.ts`. */
  bundle: string;
  stop: () => Promise<void>;
}

/** A server in memory that serves as the embedded one does; and the workflows bundled. */
export async function startTemporal(): Promise<RunningTemporal> {
  const executable = await part('temporal');
  const environment = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: executable },
      extraArgs: serverSettings(),
    },
  });
  return {
    address: environment.address,
    bundle: await bundleWorkflows(),
    stop: () => environment.teardown(),
  };
}

async function bundleWorkflows(): Promise<string> {
  if (await isBuilt()) return await readFile('dist/workflow-bundle.js', 'utf8');
  return (await bundleWorkflowCode({ workflowsPath: path.resolve('workflows/index.ts') })).code;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { address, bundle, stop } = await startTemporal();
  project.provide('temporalAddress', address);
  project.provide('workflowBundle', bundle);
  return async () => {
    // vitest gives up on what takes too long here, and ends with the code there is
    const before = process.exitCode;
    process.exitCode = 1;
    await searchTemporal(address);
    process.exitCode = before;
    await stop();
  };
}
