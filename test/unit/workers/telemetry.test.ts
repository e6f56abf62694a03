import { expect, test, vi } from 'vitest';
import { createSecrets } from '../../../activities/secrets/secrets.js';
import { createLogger } from '../../../workers/telemetry.js';

test('a log line never shows a resolved secret, in whatever form', async () => {
  const secrets = createSecrets({ REGISTRY_TOKEN: 'hunter2/hunter2?' });
  await secrets.resolve('env:REGISTRY_TOKEN');
  const lines: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  const logger = createLogger('info', (text) => secrets.scrub(text));
  logger.info(
    { argv: ['login', 'hunter2/hunter2?'], header: Buffer.from('hunter2/hunter2?').toString('base64') },
    'login',
  );
  logger.error(new Error(`https://ci:${encodeURIComponent('hunter2/hunter2?')}@registry`));
  write.mockRestore();
  expect(lines).toHaveLength(2);
  for (const form of ['hunter2/hunter2?', 'aHVudGVyMi9odW50ZXIyPw==', 'hunter2%2Fhunter2%3F']) {
    expect(lines.join('')).not.toContain(form);
  }
});

test('a failed activity says why, without the fields of its failure', () => {
  const lines: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  const error = Object.assign(new Error('claim failed', { cause: new Error('no route to host') }), {
    details: ['a whole plan'],
  });
  createLogger('info', (text) => text).warn({ error }, 'Activity failed');
  write.mockRestore();
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    error: { name: 'Error', message: 'claim failed', cause: { message: 'no route to host' } },
  });
  expect(lines[0]).not.toContain('a whole plan');
});
