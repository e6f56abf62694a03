/** What a team's commands are told about the release: run-time template names, and the same as environment variables. */
import type { Colour, EnvironmentPlan } from '../pipeline/plan.js';
import { findUnsafeValue, renderTemplate, TemplateWithoutValue } from '../pipeline/templates.js';
import type { Target } from '../workflows/activity-contract.js';
import { badInput } from './failure.js';
import type { Secrets } from './secrets/secrets.js';

type ReleaseOf = Pick<Target, 'plan' | 'version' | 'commit' | 'artifacts' | 'live'>;

/** Values of the run-time names (pipeline/templates.ts, RUN_NAMES); null = this release has none. */
export function releaseValues(target: ReleaseOf, colour: Colour | null): Record<string, string | null> {
  const artifact = target.artifacts[0];
  const previous = target.live;
  return {
    colour,
    digest: artifact?.digest ?? null,
    image: artifact === undefined ? null : `${artifact.repository}@${artifact.digest}`,
    tag: target.plan.tags[0] ?? target.version,
    'previous-tag': previous === null ? null : (previous.plan.tags[0] ?? previous.version),
    'previous-digest': previous?.artifacts[0]?.digest ?? null,
    version: target.version,
    commit: target.commit.sha,
  };
}

/**
 * Shell text with its run-time names filled in. Throws BadInput for a name without a value here, and for a value
 * the shell could read as something else (a tag named `$(…)`).
 */
export function renderCommand(text: string, target: ReleaseOf, colour: Colour | null, where: string): string {
  const values = releaseValues(target, colour);
  const unsafe = findUnsafeValue(text, values);
  if (unsafe !== null) {
    throw badInput({
      what: `{${unsafe.name}} is ${JSON.stringify(unsafe.value)}, which a shell could read as a command`,
      where,
      why: null,
      wayOut: 'use names of letters, digits and . _ : @ / + = , - for branches, tags and images',
    });
  }
  try {
    return renderTemplate(text, values);
  } catch (error) {
    if (!(error instanceof TemplateWithoutValue)) throw error;
    throw badInput({
      what: error.message,
      where,
      why: text,
      wayOut: 'leave it out of the command, or use it only where it has a value (docs/pipeline-file.md)',
    });
  }
}

/** `SLIPWAY_…` and `IMAGE_TAG`, then the environment's own `secrets:` with their values. */
export async function releaseEnvironment(
  target: ReleaseOf,
  colour: Colour | null,
  secrets: Secrets,
): Promise<Record<string, string>> {
  const { digest, image, tag, version, commit } = releaseValues(target, colour);
  const told = {
    SLIPWAY_COLOUR: colour,
    SLIPWAY_DIGEST: digest,
    SLIPWAY_IMAGE: image,
    SLIPWAY_TAG: tag,
    SLIPWAY_VERSION: version,
    SLIPWAY_COMMIT: commit,
    // `repo:${IMAGE_TAG}` in a team's stack file then pins the digest
    IMAGE_TAG: digest === null || tag === null ? null : `${tag}@${digest}`,
  };
  const known = Object.entries(told).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return { ...Object.fromEntries(known), ...(await resolveSecrets(target.plan, secrets)) };
}

async function resolveSecrets(plan: EnvironmentPlan, secrets: Secrets): Promise<Record<string, string>> {
  const resolved = await Promise.all(
    Object.entries(plan.secrets).map(
      async ([name, reference]) => [name, await secrets.resolve(reference)] as const,
    ),
  );
  return Object.fromEntries(resolved);
}
