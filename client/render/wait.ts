import type { ProgressStatus } from '../../workflows/messages.js';
import { plain } from './text.js';

/** `2 approvals (platform, backend)`, `switch (leads)`: what is waited for, and whose word; null = nothing. */
export function describeWait({ waitingFor, switching }: ProgressStatus): string | null {
  if (waitingFor === null) return null;
  const groups = waitingFor === 'switch' ? (switching?.groups ?? null) : null;
  return plain(groups === null ? waitingFor : `${waitingFor} (${groups.join(', ')})`);
}
