/** Forces as a person signs them; workflow tests need only what is signed, not by which key. */
import { randomUUID } from 'node:crypto';
import { writeForce, type ForceStatement } from '../../pipeline/force-statement.js';
import type { Force } from '../../workflows/messages.js';

export function givenForceStatement(overrides: Partial<ForceStatement> = {}): ForceStatement {
  return {
    slipway: 'force/1',
    pipeline: 'shop',
    gate: 'red',
    environments: ['prod'],
    requestId: 'request-1',
    version: 'v1.0.0',
    commit: '9f2c1d0000000000000000000000000000000000',
    reason: 'no fix is out yet',
    ticket: 'OPS-412',
    by: 'irina@example.com',
    nonce: randomUUID(),
    expires: new Date(Date.now() + 3_600_000).toISOString(),
    ...overrides,
  };
}

/** Where nobody looks at the signature. */
export function givenForce(gate: string, overrides: Partial<ForceStatement> = {}): Force {
  const payload = writeForce(givenForceStatement({ gate, ...overrides }));
  return { gate, statement: { scheme: 'ssh', payload, signature: 'signed' } };
}
