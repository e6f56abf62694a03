/** Every pipeline file of `examples/` is one this version carries out, and the policy beside it lets it in. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findUnsupported } from '../../../pipeline/find-unsupported.js';
import { requiredFiles } from '../../../pipeline/required-files.js';
import { applyPolicy, loadPolicy, type Policy } from '../../../pipeline/index.js';
import { branch, compile, loadGood, tag } from './given.js';

const examples = path.resolve('examples');

describe.each(readdirSync(examples))('examples/%s', (name) => {
  const folder = path.join(examples, name);
  const file = loadGood(readFileSync(path.join(folder, 'slipway.yaml')));

  it('uses nothing that is not there yet', () => {
    expect(findUnsupported(file).map(({ what, line }) => `${line}: ${what}`)).toEqual([]);
  });

  it('has a policy that lets every environment through as it is', () => {
    const policy = readPolicy(folder);
    const paths = requiredFiles(file, [...file.content.environments.keys()]);
    const files = new Map(paths.map((each) => [each, readText(path.join(folder, each))]));
    for (const [environment, { from, production = false }] of file.content.environments) {
      const [takes] = from;
      if (takes === undefined) throw new Error(`${environment} takes nothing`);
      const ref = takes.kind === 'tag' ? tag('v1.0.0') : branch(takes.branch);
      const [url = ''] = policy.pipelines.get(file.content.pipeline)?.repositories ?? [];
      const plan = compile(file, ref, { to: [environment], repository: { url }, files });
      const [allowed] = applyPolicy(plan, policy, { isDemo: false }).environments;
      expect(allowed).toMatchObject({ name: environment, production });
    }
  });
});

/** Hosts' keys of the demo are made when it runs. */
function readText(place: string): string {
  return existsSync(place) ? readFileSync(place, 'utf8') : '';
}

function readPolicy(folder: string): Policy {
  const places = ['worker/policy.yaml', 'policy.yaml'].map((each) => path.join(folder, each));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`${folder} has no policy`);
  const loaded = loadPolicy(readFileSync(found), found);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  return loaded.file.content;
}
