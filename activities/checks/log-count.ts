import { z } from 'zod';

/** What a check has counted so far, across the samples of a bake: goes through heartbeats, so it stays small. */
export const LOG_COUNT = z.object({
  places: z.record(
    z.string(),
    z.object({ cursor: z.string(), matches: z.number(), first: z.array(z.string()) }),
  ),
});
export type LogCount = z.infer<typeof LOG_COUNT>;
