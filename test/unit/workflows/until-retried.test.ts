/** Ways out where a person must look: what is parked goes on by `retry` only, and what is closed opens by `resume`. */
import { expect, it } from 'vitest';
import { wayOutForPerson } from '../../../workflows/environment-memory.js';
import { onceUndone, untilRetried } from '../../../workflows/until-retried.js';

it.each([
  ['correct what it says, then release again', 'correct what it says, then slipway retry prod'],
  ['release it again', 'slipway retry prod'],
  ['mend the release and release it again', 'mend the release and slipway retry prod'],
  [
    'look at that host; release again when it is what it should be',
    'look at that host; slipway retry prod when it is what it should be',
  ],
  [
    'see who migrated it meanwhile; bring it back, then retry',
    'see who migrated it meanwhile; bring it back, then slipway retry prod',
  ],
  [
    'see who changed it, then put it right by hand: docker service inspect --pretty web',
    'see who changed it, then put it right by hand: docker service inspect --pretty web; then slipway retry prod',
  ],
  [
    'nothing was touched; slipway release v1 --to prod plans it again under the current policy',
    'nothing was touched; then slipway retry prod',
  ],
  ['slipway release v1 --to prod asks again', 'slipway retry prod'],
  [
    'mend it, then slipway retry prod: it is restored again from the beginning',
    'mend it, then slipway retry prod: it is restored again from the beginning',
  ],
])('%s', (wayOut, expected) => {
  const report = { what: 'it failed', where: 'web-1', why: 'its output', wayOut };
  const parked = untilRetried(report, 'prod');
  expect(parked).toEqual({ ...report, wayOut: expected });
  // a client says it of what an older worker parked
  expect(untilRetried(parked, 'prod')).toEqual(parked);
});

it.each([
  [
    'make the check reachable from the worker, then retry',
    'make the check reachable from the worker, then AGAIN',
  ],
  ['look at the host, then slipway retry prod', 'look at the host, then AGAIN'],
  ['slipway retry prod', 'AGAIN'],
  [
    'mend web-1 (slipway retry prod --host web-1 brings it back), then slipway retry prod',
    'mend web-1 (slipway retry prod --host web-1 brings it back), then AGAIN',
  ],
  ['mend the release and release it again', 'mend the release and release it again'],
])('once it is undone, `%s` is `%s`', (wayOut, expected) => {
  const report = { what: 'it failed', where: 'web-1', why: 'its output', wayOut };
  for (const again of ['release again', 'roll back again'])
    expect(onceUndone(report, 'prod', again)).toEqual({
      ...report,
      wayOut: expected.replace('AGAIN', again),
    });
});

it.each([
  [undefined, 'look at it and mend it, then slipway resume prod'],
  ['start the proxy', 'start the proxy; then slipway resume prod'],
  ['slipway rollback prod v1 --restore-database', 'slipway rollback prod v1 --restore-database'],
])('where nothing enters, `%s` leads on by `%s`', (personsWayOut, said) => {
  const known = personsWayOut === undefined ? {} : { personsWayOut };
  expect(wayOutForPerson({ environment: 'prod', ...known })).toBe(said);
});
