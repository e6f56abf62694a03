/** What the end-to-end test of an example begins with: its world, the library beside it, and scenes that follow each other. */
import { afterAll, beforeAll, expect } from 'vitest';
import { SlipwayClient } from '../../client/index.js';
import { playInOrder } from './scenes-in-order.js';
import type { CommandEnd } from './slipway-processes.js';

interface ExampleWorld {
  temporal: { address: string };
  slipway(argv: string[], by?: string): Promise<CommandEnd>;
  stop(): Promise<void>;
}

/** Runs the command and expects this exit code; a failure shows everything that it wrote. */
export type Slipway = (exit: number, argv: string[], by?: string) => Promise<CommandEnd>;

/** `by` = who types where a scene says nobody; absent = whom the world says. */
export function playExample<World extends ExampleWorld>(example: {
  pipeline: string;
  start: () => Promise<World>;
  by?: string;
  entered: (world: World, library: SlipwayClient) => void;
}): Slipway {
  let world: World | undefined;
  let library: SlipwayClient | undefined;
  beforeAll(async () => {
    world = await example.start();
    const env = { TEMPORAL_ADDRESS: world.temporal.address };
    library = await SlipwayClient.connect({ pipeline: example.pipeline, by: 'test', env });
    example.entered(world, library);
  });
  afterAll(async () => {
    await library?.close();
    await world?.stop();
  });
  playInOrder();
  return async (exit, argv, by = example.by) => {
    if (world === undefined) throw new Error(`the world of ${example.pipeline} is not there`);
    const ended = await world.slipway(argv, by);
    expect(ended.exit, ended.text).toBe(exit);
    return ended;
  };
}
