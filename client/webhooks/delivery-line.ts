/** One line per delivery: for people, or JSON. No payload, no header that was not checked, no secret. */
import { plain, sha7 } from '../render/text.js';
import type { DeliveryRecord } from './webhook-server.js';

/** `secrets` never appear, whatever a ref or an error says. */
export function deliveryLine(
  record: DeliveryRecord,
  { at, json, secrets }: { at: Date; json: boolean; secrets: readonly string[] },
): string {
  const { bug: _, ...told } = record;
  const line = json
    ? JSON.stringify({ schema: 1, event: 'delivery', at: at.toISOString(), ...told })
    : lineForPeople(record, at);
  return hide(line, secrets);
}

function lineForPeople(record: DeliveryRecord, at: Date): string {
  const { delivery, githubEvent, status, outcome, why, repository, ref, commit, by, releases } = record;
  const what = [
    githubEvent,
    repository,
    ref,
    commit === null ? null : sha7(commit),
    by === null ? null : `by ${by}`,
  ].filter((part) => part !== null);
  const more = [
    ...releases.map(({ workflowId, how }) => `${how} ${workflowId}`),
    ...(why === null ? [] : [why]),
    ...(delivery === null ? [] : [`delivery ${delivery}`]),
    `${String(record.tookMs)} ms`,
  ];
  const when = at.toISOString().replace(/\.\d+/, '');
  return plain(`${when} ${String(status)} ${outcome} ${[what.join(' '), ...more].join(', ')}`);
}

/** Without any of these values. */
export function hide(line: string, secrets: readonly string[]): string {
  return secrets.reduce((text, secret) => text.replaceAll(secret, '[secret]'), line);
}
