/** What the schema of a policy cannot see: groups that nobody is in, and signatures that could not be checked. */
import { finding, type Finding } from './explain-issue.js';
import { isGivenOnGithub, rulesOf } from './approval-rules.js';
import type { EnvironmentPolicy, Policy } from './policy-file.js';
import { suggestWord } from './suggest.js';

export function checkPolicy(content: Policy): Finding[] {
  const findings: Finding[] = [...checkLogins(content)];
  for (const [pipeline, { environments, force }] of content.pipelines) {
    findings.push(...checkForce(content, force, ['pipelines', pipeline, 'force']));
    for (const [name, environment] of environments) {
      const place = ['pipelines', pipeline, 'environments', name];
      findings.push(...checkForce(content, environment.force, [...place, 'force']));
      findings.push(...checkMay(content, environment.may, [...place, 'may']));
      const path = [...place, 'approvals'];
      for (const [index, rule] of rulesOf(environment).entries()) {
        const { group, by = 'ssh' } = rule;
        if (group !== undefined) findings.push(...checkGroup(content, group, [...path, index, 'group']));
        if (by === 'oidc' && content.oidc === undefined)
          findings.push(
            finding([...path, index, 'by'], 'is given with tokens: oidc must say whose, and who is who'),
          );
        if (isGivenOnGithub(by) && group !== undefined && content.github === undefined)
          findings.push(
            finding(
              [...path, index, 'group'],
              'is known by people, and GitHub knows logins: github must say who is who, {login: person}',
            ),
          );
        if (by === 'ssh' && content['allowed-signers'] === undefined)
          findings.push(
            finding(path, 'are signed with SSH keys, so allowed-signers must name the file that knows them'),
          );
      }
    }
  }
  return findings;
}

/** GitHub's logins are the same in small and large letters. */
function checkLogins({ github }: Policy): Finding[] {
  const logins = [...(github?.keys() ?? [])];
  return logins.flatMap((login, index) => {
    const earlier = logins.slice(0, index).find((other) => other.toLowerCase() === login.toLowerCase());
    return earlier === undefined ? [] : [finding(['github', login], `is the login ${earlier} again`)];
  });
}

function checkForce(policy: Policy, force: EnvironmentPolicy['force'], path: string[]): Finding[] {
  if (force === undefined) return [];
  return [...checkGroup(policy, force.group, [...path, 'group']), ...checkSigners(policy, path)];
}

function checkMay(policy: Policy, may: EnvironmentPolicy['may'], path: string[]): Finding[] {
  const named = Object.entries(may ?? {}).flatMap(([right, groups = []]) =>
    groups.flatMap((group, index) => checkGroup(policy, group, [...path, right, index])),
  );
  return may === undefined ? [] : [...named, ...checkSigners(policy, path)];
}

function checkGroup({ groups }: Policy, group: string, path: (string | number)[]): Finding[] {
  const known = [...(groups?.keys() ?? [])];
  return known.includes(group)
    ? []
    : [finding(path, `there is no group ${group}`, suggestWord(group, known))];
}

function checkSigners({ 'allowed-signers': allowedSigners }: Policy, path: string[]): Finding[] {
  return allowedSigners === undefined
    ? [finding(path, 'is signed with SSH keys, so allowed-signers must name the file that knows them')]
    : [];
}
