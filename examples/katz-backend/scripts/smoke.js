// smoke.js --base-url URL: one user signs in and is recognised, on the deployed service.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { 'base-url': { type: 'string' } } });
const base = values['base-url'];

async function ask(path, options = {}) {
  const answer = await fetch(base + path, { ...options, signal: AbortSignal.timeout(10_000) });
  assert.equal(answer.status, 200, `${options.method ?? 'GET'} ${path} → ${answer.status}`);
  return await answer.json();
}

const { token } = await ask('/api/sessions?user=smoke', { method: 'POST' });
const { user } = await ask('/api/me', { headers: { authorization: `Bearer ${token}` } });
assert.equal(user, 'smoke');
console.log(`${base}: smoke is recognised`);
