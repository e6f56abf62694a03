/** What a change does now, in its own words. */
import type { ProgressStatus } from '../../workflows/messages.js';

/** `deploy`, `switch: 5% to green, watched for 1m`, `undoing switch`; null = it says nothing of it. */
export function describeDoing({ headline, pipeline, version, environment, steps }: ProgressStatus) {
  const step = steps.find(({ state }) => state === 'running')?.name ?? null;
  const subject = `${pipeline} ${version} → ${environment}: `;
  const doing = headline.startsWith(subject) ? headline.slice(subject.length) : null;
  if (doing === null || step === null) return doing ?? step;
  return doing.includes(step) ? doing : `${step}: ${doing}`;
}
