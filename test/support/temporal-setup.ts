/** One Temporal server and one workflow bundle for the whole run; each test file takes its own task queue. */
import path from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { TestProject } from 'vitest/node';
import { part } from './parts.js';

declare module 'vitest' {
  interface ProvidedContext {
    temporalAddress: string;
    workflowBundle: string;
  }
}

const SEARCH_ATTRIBUTES = [
  ...['Pipeline', 'Environment', 'Version', 'Commit', 'State', 'WaitingFor', 'Actor'].map(
    (name) => `Slipway${name}=Keyword`,
  ),
  'SlipwayForced=Bool',
];

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const executable = await part('temporal');
  const environment = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: executable },
      extraArgs: [
        '--dynamic-config-value',
        'history.transferProcessorMaxPollRPS=2000',
        ...SEARCH_ATTRIBUTES.flatMap((attribute) => ['--search-attribute', attribute]),
      ],
    },
  });
  const bundle = await bundleWorkflowCode({ workflowsPath: path.resolve('workflows/index.ts') });
  project.provide('temporalAddress', environment.address);
  project.provide('workflowBundle', bundle.code);
  return () => environment.teardown();
}
