import { beforeEach, vi } from 'vitest';

/** Each scene goes on where the last one ended: after a failure the others would only wait in vain. */
export function playInOrder(): void {
  vi.setConfig({ testTimeout: 300_000 });
  let failed: string | null = null;
  beforeEach(({ task, onTestFailed }) => {
    if (failed !== null) throw new Error(`not played: ${failed} has failed`);
    onTestFailed(() => {
      failed ??= task.name;
    });
  });
}
