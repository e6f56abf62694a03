/** What the pipeline tests start from. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compilePlan, type CompileInput } from '../../../pipeline/compile-plan.js';
import { renderFileErrors, type FileError } from '../../../pipeline/file-error.js';
import { loadPipeline, type LoadedFile } from '../../../pipeline/load-pipeline.js';
import type { CommitFacts, EnvironmentPlan, ReleasePlan, ReleaseRef } from '../../../pipeline/plan.js';
import { requiredFiles } from '../../../pipeline/required-files.js';

const folder = path.join(import.meta.dirname, 'files');

export const TEAM_FILES = [
  'hello',
  'secretmagic',
  'katz-backend',
  'deep-calm',
  'app-release',
  'web-template',
] as const;

export function readTeamFile(name: (typeof TEAM_FILES)[number]): Buffer {
  return readFileSync(path.join(folder, `${name}.yaml`));
}

/** The smallest file; tests add to it or change it. */
export const SMALL = `pipeline: shop
image: ghcr.io/acme/shop
environments:
  prod:
    from: {branch: main}
    hosts: [deploy@shop.example.com]
    platform: {swarm: shop_web}
    url: https://shop.example.com
    checks: [/health]
`;

/** SMALL with this text in place of that. */
export function small(from: string, to: string): string {
  if (!SMALL.includes(from)) throw new Error(`SMALL has no ${from}`);
  return SMALL.replace(from, to);
}

/** SMALL with these lines more below `prod`. */
export function inProd(lines: string): string {
  return `${SMALL}${lines.replaceAll(/^/gm, '    ')}\n`;
}

export function loadGood(text: string | Uint8Array): LoadedFile {
  const result = loadPipeline(toBytes(text), 'slipway.yaml');
  if (!result.ok) throw new Error(renderFileErrors(result.errors));
  return result.file;
}

export function loadBad(text: string | Uint8Array): FileError[] {
  const result = loadPipeline(toBytes(text), 'slipway.yaml');
  if (result.ok) throw new Error('the file was accepted');
  return result.errors;
}

function toBytes(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text;
}

export const COMMIT: CommitFacts = {
  sha: '9f2c1d0aa1bb2cc3dd4ee5ff60718293a4b5c6d7',
  subject: 'fix: retry DNS',
  author: 'anna',
  authorEmail: 'anna@example.com',
  committedAt: '2026-11-14T11:02:00Z',
  authors: ['anna@example.com'],
};

export function branch(name: string): ReleaseRef {
  return { kind: 'branch', name };
}

export function tag(name: string): ReleaseRef {
  return { kind: 'tag', name };
}

/** Compiles with every file the pipeline needs present; its text is `text of PATH`. */
export function compile(file: LoadedFile, ref: ReleaseRef, more: Partial<CompileInput> = {}): ReleasePlan {
  const paths = requiredFiles(file, [...file.content.environments.keys()]);
  return compilePlan({
    file,
    files: new Map(paths.map((each) => [each, `text of ${each}`])),
    repository: { url: '/srv/shop.git' },
    commit: COMMIT,
    ref,
    version: null,
    to: [],
    changedPaths: null,
    ...more,
  });
}

export function only(plan: ReleasePlan): EnvironmentPlan {
  const [environment, ...more] = plan.environments;
  if (environment === undefined || more.length > 0)
    throw new Error(`one environment expected, not ${plan.environments.length}`);
  return environment;
}
