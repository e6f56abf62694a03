/** What the end of a release is on GitHub. */
import { describe, expect, it } from 'vitest';
import { stateForGithub } from '../../../workflows/tell-github.js';

describe('the end of a release', () => {
  it.each([
    ['succeeded', 'success'],
    ['failed', 'failure'],
    ['rolled-back', 'failure'],
    ['aborted', 'inactive'],
    ['superseded', 'inactive'],
  ] as const)('%s is %s', (state, told) => {
    expect(stateForGithub({ state, clean: true })).toBe(told);
  });

  it('that is live without a host is a success: what served before does no more', () => {
    expect(stateForGithub({ state: 'succeeded', clean: false })).toBe('success');
  });

  it('that left something half done is an error, however it ended', () => {
    expect(stateForGithub({ state: 'aborted', clean: false })).toBe('error');
    expect(stateForGithub({ state: 'failed', clean: false })).toBe('error');
  });
});
