/** octokit is heavy, and most workers never ask GitHub: the first question loads it. */
import { expect, it, vi } from 'vitest';
import { createGithub } from '../../../activities/github/connect.js';
import { createSecrets } from '../../../activities/secrets/secrets.js';

const loaded = vi.fn<() => void>();
vi.mock('octokit', async (importOriginal) => {
  loaded();
  return await importOriginal();
});

it('a worker starts without octokit', async () => {
  await import('../../../workers/configuration.js');
  await import('../../../activities/index.js');
  const settings = { apiUrl: 'https://api.github.com', login: null };
  const github = createGithub({ settings, secrets: createSecrets({}) });
  expect(loaded).not.toHaveBeenCalled();
  await github.open('https://github.com/acme/shop');
  expect(loaded).toHaveBeenCalledOnce();
});
