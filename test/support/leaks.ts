/** Looking for values where nobody may find them: everything a Temporal server keeps of its runs, and any other text. */
import type { Client } from '@temporalio/client';

export interface Evidence {
  /** `history of release/shop/v1`. */
  place: string;
  text: string;
}

/** How a value may read; written without a look at the scrubber, whose work this judges. */
export function formsOf(value: string): Map<string, string> {
  const bytes = Buffer.from(value);
  const forms = new Map([
    ['plain', value],
    ['JSON', JSON.stringify(value).slice(1, -1)],
    ['URL', encodeURIComponent(value)],
    ['form', new URLSearchParams([['', value]]).toString().slice(1)],
    ['base64', bytes.toString('base64').replace(/=+$/, '')],
    ['base64url', bytes.toString('base64url')],
    ['hex', bytes.toString('hex')],
  ]);
  // in the middle of something longer that was encoded as a whole: without the letters that are shared
  for (const before of [1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    forms.set(`base64 after ${before}`, shifted.slice(before + 1, -1));
  }
  const lines = value.split('\n');
  for (const [index, line] of lines.entries()) if (lines.length > 1) forms.set(`line ${index}`, line);
  return forms;
}

/** `plain in history of …` for every form of `value` in the evidence; empty = nothing leaked. */
export function findLeaks(evidence: readonly Evidence[], value: string): string[] {
  const found = new Set<string>();
  for (const [form, written] of formsOf(value))
    for (const { place, text } of evidence) if (text.includes(written)) found.add(`${form} in ${place}`);
  return [...found];
}

/** Every run's history, with payloads as they are stored. */
export async function readHistories(client: Client): Promise<Evidence[]> {
  const evidence: Evidence[] = [];
  for await (const { workflowId, runId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    evidence.push({ place: `history of ${workflowId}`, text: textOf(history) });
  }
  return evidence;
}

/** How the server describes every run at this moment: memo, search attributes, heartbeats and last failures. */
export async function readDescriptions(client: Client): Promise<Evidence[]> {
  const evidence: Evidence[] = [];
  for await (const { workflowId, runId } of client.workflow.list()) {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    evidence.push({ place: `description of ${workflowId}`, text: textOf(raw) });
  }
  return evidence;
}

/** Every text and every payload inside, a line each. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([name, inner]) => `${name} ${textOf(inner)}`)
    .join('\n');
}
