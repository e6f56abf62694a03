/** In front of every activity: it begins only with what it may believe, and its result carries this worker's seal. */
import type { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import { badInput, unauthorized } from '../failure.js';
import { AUTHORITIES } from './authority.js';
import { Judge } from './judge.js';
import type { PolicyStore } from './policy-store.js';
import type { SealKeys } from './seal-keys.js';

/** A row of the table, once the activity is known by its name only. */
interface AnyAuthority {
  authorize: ((judge: Judge, input: unknown) => void | Promise<void>) | null;
  vouch?: (keys: SealKeys, input: unknown, output: unknown) => unknown;
}

/** Comes before plans are upcast: seals are of plans as they were written. */
export function createVouching(
  keys: SealKeys,
  policy: PolicyStore,
): (context: Context) => ActivityInterceptors {
  const judge = new Judge(keys, policy);
  return ({ info: { activityType } }) => ({
    inbound: {
      execute: async (input, next) => {
        const authority = authorityOf(activityType);
        const [given] = input.args;
        await authorize(activityType, () => authority.authorize?.(judge, given));
        const output = await next(input);
        return authority.vouch === undefined ? output : authority.vouch(keys, given, output);
      },
    },
  });
}

/** Whoever forges an input need not keep to its shape. */
async function authorize(activityType: string, judge: () => void | Promise<void> | undefined): Promise<void> {
  try {
    await judge();
  } catch (error) {
    if (error instanceof ApplicationFailure) throw error;
    throw unauthorized({
      what: `what ${activityType} was given is malformed`,
      where: 'worker',
      why: String(error),
      wayOut: 'nothing was touched; look who started this (docs/security.md#unauthorized)',
    });
  }
}

function authorityOf(activityType: string): AnyAuthority {
  const rows: Readonly<Record<string, unknown>> = AUTHORITIES;
  if (!Object.hasOwn(rows, activityType))
    throw badInput({
      what: `there is no activity ${activityType}`,
      where: 'worker',
      why: null,
      wayOut: 'use a newer worker',
    });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever calls gives the input and output of this row
  return rows[activityType] as AnyAuthority;
}
