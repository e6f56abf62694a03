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
