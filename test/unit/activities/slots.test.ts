import { describe, expect, test } from 'vitest';
import { Tail, tailOfText } from '../../../activities/hosts/tail.js';
import { Slots } from '../../../activities/ssh/slots.js';

/** Lets everything that can go on go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('slots', () => {
  test('are given in order, never more than there are', async () => {
    const slots = new Slots(2);
    const order: number[] = [];
    const held: (() => void)[] = [];
    for (const n of [1, 2, 3, 4]) {
      void slots.take().then((release) => {
        order.push(n);
        held.push(release);
      });
    }
    await settle();
    expect(order).toEqual([1, 2]);
    held[0]?.();
    // giving it back twice counts once
    held[0]?.();
    await settle();
    expect([order, slots.inUse]).toEqual([[1, 2, 3], 2]);
    held[1]?.();
    held[2]?.();
    await settle();
    held[3]?.();
    expect([order, slots.inUse]).toEqual([[1, 2, 3, 4], 0]);
  });

  test('a lowered limit takes effect as places come back, and is never below one', async () => {
    const slots = new Slots(3);
    const held = [await slots.take(), await slots.take(), await slots.take()];
    slots.lowerTo(0);
    let got = false;
    void slots.take().then(() => {
      got = true;
    });
    held[0]?.();
    held[1]?.();
    await settle();
    expect([got, slots.inUse]).toEqual([false, 1]);
    held[2]?.();
    await settle();
    expect([got, slots.inUse]).toEqual([true, 1]);
  });
});

describe('tails', () => {
  test('keep the last bytes, in any pieces', () => {
    const tail = new Tail(10);
    for (let n = 0; n < 10_000; n += 1) tail.push(Buffer.from(String(n % 10)));
    expect(tail.bytes().toString()).toBe('0123456789');
    expect(tail.truncated).toBe(true);
    tail.replace(Buffer.from('a longer text than ten'));
    expect(tail.bytes().toString()).toBe('t than ten');
  });

  test('of text start with a whole character', () => {
    expect(tailOfText('ééé', 4)).toBe('éé');
    expect(tailOfText('ééé', 3)).toBe('é');
    expect(tailOfText('abc', 3)).toBe('abc');
  });
});
