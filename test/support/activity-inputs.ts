import type { WorkflowHandle } from '@temporalio/client';

/** What a run gave to an activity, call by call, as its history keeps it. */
export async function activityInputs(
  handle: Pick<WorkflowHandle, 'fetchHistory'>,
  activity: string,
): Promise<unknown[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
    scheduled?.activityType?.name === activity
      ? (scheduled.input?.payloads ?? []).map((payload): unknown =>
          JSON.parse(Buffer.from(payload.data ?? []).toString()),
        )
      : [],
  );
}
