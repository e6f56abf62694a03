/** Who may switch, roll back and freeze, as the worker's policy has it: a pipeline file says nothing of it. */
import type { AppliedRule, EnvironmentPlan, MayRule } from './plan.js';
import type { LoadedFile } from './load-pipeline.js';
import type { EnvironmentPolicy, Policy } from './policy-file.js';

/** Without what the policy does not say; null = it says nothing. */
export function compileMay({ may }: EnvironmentPolicy): MayRule | null {
  const { switch: switching, rollback, freeze } = may ?? {};
  const rule: MayRule = {
    ...(switching === undefined ? {} : { switch: switching }),
    ...(rollback === undefined ? {} : { rollback }),
    ...(freeze === undefined ? {} : { freeze }),
  };
  return Object.keys(rule).length === 0 ? null : rule;
}

/** Where the policy says who may switch, nothing moves by itself: or a commit could leave out the waiting. */
export function waitForSwitch(traffic: EnvironmentPlan['traffic'], may: MayRule | null): typeof traffic {
  return traffic === null || may?.switch === undefined ? traffic : { ...traffic, switch: 'manual' };
}

/** `platform or leads may switch traffic, signed`. */
export function describeMay(may: MayRule | null): AppliedRule[] {
  const rules: [string[] | undefined, string][] = [
    [may?.switch, 'switch traffic'],
    [may?.rollback, 'roll back'],
    [may?.freeze, 'freeze'],
  ];
  return rules.flatMap(([groups, what]) =>
    groups === undefined
      ? []
      : [{ rule: `${groups.join(' or ')} may ${what}, signed`, from: 'policy' as const }],
  );
}

/** Environments whose `may` asks nobody for anything: `policy.yaml:9:14: may of shop prod names nothing …`. */
export function findIdleMay({ name: file, content, positionOf }: LoadedFile<Policy>): string[] {
  return [...content.pipelines].flatMap(([pipeline, { environments }]) =>
    [...environments].flatMap(([name, rules]) => {
      if (rules.may === undefined || compileMay(rules) !== null) return [];
      const { line, column } = positionOf(['pipelines', pipeline, 'environments', name, 'may']);
      return [
        `${file}:${line}:${column}: may of ${pipeline} ${name} names nothing, so nobody has to sign anything; name switch, rollback or freeze (docs/who-may.md), or leave it out`,
      ];
    }),
  );
}
