/** Environment variables of a team's own commands: its `secrets:` with their values, and what is known of the release. */
import type { Colour } from '../pipeline/plan.js';
import type { Target } from '../workflows/activity-contract.js';
import { runTimeEnvironment, runTimeValues } from './platforms/run-time-values.js';
import type { Secrets } from './secrets/secrets.js';

/** Refused when a secret is missing, BadInput when a value is not fit for a shell. */
export async function commandEnvironment(
  target: Target,
  colour: Colour | null,
  secrets: Secrets,
): Promise<Record<string, string>> {
  const { plan } = target;
  const resolved = await Promise.all(
    Object.entries(plan.secrets).map(
      async ([name, reference]) => [name, await secrets.resolve(reference)] as const,
    ),
  );
  const known = runTimeEnvironment(runTimeValues(target, colour), `environments.${plan.name}`);
  // no secret takes the place of the digest
  return { ...Object.fromEntries(resolved), ...known };
}
