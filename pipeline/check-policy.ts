/** What the schema of a policy cannot see: groups that nobody is in, and signatures that could not be checked. */
import { finding, type Finding } from './explain-issue.js';
import { rulesOf } from './approval-rules.js';
import type { Policy } from './policy-file.js';
import { suggestWord } from './suggest.js';

export function checkPolicy(content: Policy): Finding[] {
  const groups = [...(content.groups?.keys() ?? [])];
  const findings: Finding[] = [];
  for (const [pipeline, { environments }] of content.pipelines) {
    for (const [name, environment] of environments) {
      const path = ['pipelines', pipeline, 'environments', name, 'approvals'];
      for (const [index, rule] of rulesOf(environment).entries()) {
        const { group, by = 'ssh' } = rule;
        if (group !== undefined && !groups.includes(group))
          findings.push(
            finding([...path, index, 'group'], `there is no group ${group}`, suggestWord(group, groups)),
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
