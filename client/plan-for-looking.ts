/** Plans of the working tree's file, for doctor: a file is mended before it is committed, and looking needs no release. */
import type { CommitFacts, EnvironmentPlan } from '../pipeline/plan.js';
import { explainUnknownEnvironment } from '../pipeline/unknown-environment.js';
import type { PreflightFinding } from '../workflows/activity-contract.js';
import type { Invocation } from './command.js';
import { runGit } from './git.js';
import { compile, listRefusals, loadFile, readInFolder, refFor } from './local-plan.js';
import { findRepository } from './repository.js';
import { badInput } from './user-error.js';

export interface LookingPlans {
  pipeline: string;
  plans: EnvironmentPlan[];
  /** About the file itself. */
  findings: PreflightFinding[];
}

/** Of the environment named, else of all. Throws UserError (exit 2) for a broken file or an unknown name. */
export async function compileForLooking(invocation: Invocation): Promise<LookingPlans> {
  const { terminal, global, args } = invocation;
  const place = await findRepository(terminal.cwd, global.repository);
  const read = readInFolder(place.root);
  const file = await loadFile(read, global.file, place.root);
  const all = [...file.content.environments.keys()];
  const [asked] = args;
  if (asked !== undefined && !all.includes(asked)) {
    throw badInput({
      ...explainUnknownEnvironment(asked, all),
      where: file.content.pipeline,
      docs: 'docs/commands.md#which-pipeline',
    });
  }
  const names = asked === undefined ? all : [asked];
  const commit = await readHead(place.root);
  const plans: EnvironmentPlan[] = [];
  for (const name of names) {
    const ref = refFor(file, name);
    if (ref === null) continue;
    const version = ref.kind === 'tag' ? ref.name : commit.sha.slice(0, 7);
    const wish = { resolved: { ref, commit, version }, place, to: [name], changedPaths: null };
    plans.push(...(await compile(file, read, wish)).environments);
  }
  const findings: PreflightFinding[] = [
    { where: 'you', thing: 'file', state: 'ok', message: `${global.file} is valid`, wayOut: null },
    ...listRefusals(file, names).map(({ what, where, wayOut }) => ({
      where: 'you',
      thing: 'file',
      state: 'problem' as const,
      message: `${where}: ${what}`,
      wayOut,
    })),
  ];
  return { pipeline: file.content.pipeline, plans, findings };
}

const NO_COMMIT = '0'.repeat(40);

async function readHead(root: string): Promise<CommitFacts> {
  const sha = (await runGit(root, ['rev-parse', '--verify', '--quiet', 'HEAD'])) ?? NO_COMMIT;
  return {
    sha,
    subject: '',
    author: '',
    authorEmail: '',
    committedAt: new Date(0).toISOString(),
    authors: [],
  };
}
