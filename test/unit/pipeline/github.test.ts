/** `github` of the pipeline file. */
import { describe, expect, it } from 'vitest';
import { branch, compile, loadBad, loadGood, only, SMALL } from './given.js';

describe('what GitHub is told', () => {
  const planFor = (defaults: string, own = '') =>
    only(compile(loadGood(`defaults: {${defaults}}\n${SMALL}${own}`), branch('main')));

  it('is nothing unless it is asked for, and then the plan has no word of it', () => {
    const silent = planFor('');
    expect('github' in silent).toBe(false);
    const none = planFor('github: {deployments: false}');
    expect(none.planHash).toBe(silent.planHash);
    expect('github' in planFor('github: {}')).toBe(false);
  });

  it('is what the environment asks for, else the defaults', () => {
    const defaults = 'github: {deployments: true, statuses: true}';
    expect(planFor(defaults).github).toEqual({ deployments: true, statuses: true, comment: false });
    const own = planFor(defaults, '    github: {comment: true}\n');
    expect(own.github).toEqual({ deployments: false, statuses: false, comment: true });
    expect('github' in planFor(defaults, '    github: {}\n')).toBe(false);
  });

  it('has no other words', () => {
    const [error] = loadBad(`${SMALL}    github: {deployment: true}\n`);
    expect(error).toMatchObject({ line: 10, message: 'no such key', suggestion: 'deployments' });
    const [shape] = loadBad(`${SMALL}    github: yes please\n`);
    expect(shape?.message).toContain('must be a map');
  });
});
