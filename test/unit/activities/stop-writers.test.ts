import { expect, it } from 'vitest';
import { sayOnce } from '../../../activities/platforms/stop-writers.js';

const stays = { outcome: 'never-ran', note: 'v2 goes on running: there is no retire command' } as const;
const stopped = { outcome: 'undone', note: 'v2 stopped: web' } as const;

it('says once, with their names, what several hosts say alike', () => {
  const each = (note: typeof stays | typeof stopped, host: string) => ({ ...note, host });
  expect(sayOnce([each(stays, 'web-1'), each(stopped, 'web-2'), each(stays, 'web-3')])).toEqual([
    { outcome: 'never-ran', note: `web-1, web-3: ${stays.note}` },
    { outcome: 'undone', note: `web-2: ${stopped.note}` },
  ]);
  expect(sayOnce([each(stays, 'web-1')])).toMatchObject([stays]);
});
