/**
 * Everything a Temporal server keeps of its runs, searched for planted secrets: histories, memos, search attributes, and of
 * open runs what their activities have last reported. Payloads are searched as they are stored.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import type { EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import type { Marks } from './planted.js';
import { findInTree, noteFindings } from './search-for-secrets.js';

type Server = Connection['workflowService'];
/** As the server lists it. */
type Listed = NonNullable<Awaited<ReturnType<Server['listWorkflowExecutions']>>['executions']>[number];
interface Execution {
  namespace: string;
  execution: { workflowId: string; runId: string };
  listed: Listed;
}

const AT_ONCE = 32;
const PAGE_SIZE = 1000;
const OPEN = 1;
/** Heartbeats are gone once their activity is over. */
const LOOK_AGAIN_MS = 1000;

/** Which runs are looked at. */
type List = (server: Server) => Promise<Execution[]>;

/**
 * `plain in activityTaskCompletedEventAttributes.result.payloads.0.data of event 7 in history of release/shop/v1`; empty =
 * there is none.
 */
export async function findInTemporal(
  address: string,
  mark: keyof Marks = 'secret',
  list: List = matching(''),
): Promise<string[]> {
  return withServer(address, async (server) =>
    forEach(await list(server), async (each) => [
      ...findInListing(each, mark),
      ...(await findInHistory(server, each, mark)),
      ...(await findInDescription(server, each, mark)),
    ]),
  );
}

/** What it finds fails the run, and so does a server that cannot be read. */
export async function searchTemporal(address: string, list?: List): Promise<void> {
  const found = findInTemporal(address, 'secret', list);
  noteFindings(
    await found.catch((error: unknown) => [
      `not everything could be read of Temporal at ${address}: ${String(error)}`,
    ]),
  );
}

/** The same server, looked at while it runs, and searched before it stops. */
export function searched(temporal: EmbeddedTemporal): EmbeddedTemporal {
  const over = new AbortController();
  const looking = lookAtHeartbeats(temporal.address, over.signal);
  return {
    ...temporal,
    stop: async () => {
      over.abort();
      try {
        await looking;
        await searchTemporal(temporal.address);
      } finally {
        await temporal.stop();
      }
    },
  };
}

/** Until it is over, also through times in which the server is away. */
async function lookAtHeartbeats(address: string, over: AbortSignal): Promise<void> {
  const listOpen = matching(`ExecutionStatus = 'Running'`);
  const pauseOrEnd = () => pause(LOOK_AGAIN_MS, undefined, { signal: over }).catch(() => undefined);
  const lookUntilOver = async (server: Server): Promise<void> => {
    for (; !over.aborted; await pauseOrEnd())
      noteFindings(
        await forEach(await listOpen(server), (each) => findInDescription(server, each, 'secret')),
      );
  };
  while (!over.aborted) {
    await pauseOrEnd();
    await withServer(address, lookUntilOver).catch(() => undefined);
  }
}

async function withServer<T>(address: string, work: (server: Server) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address, connectTimeout: 5000 });
  try {
    return await work(connection.workflowService);
  } finally {
    await connection.close();
  }
}

/** Of all namespaces; `query` is as in `temporal workflow list`, and all runs match an empty one. */
export function matching(query: string): List {
  return async (server) => {
    const { namespaces } = await server.listNamespaces({ pageSize: PAGE_SIZE });
    const found: Execution[] = [];
    for (const { namespaceInfo } of namespaces ?? []) {
      const namespace = namespaceInfo?.name ?? '';
      let nextPageToken: Uint8Array = new Uint8Array();
      do {
        const page = await server.listWorkflowExecutions({
          ...{ namespace, query, nextPageToken },
          pageSize: PAGE_SIZE,
        });
        found.push(...page.executions.map((listed) => executionOf(namespace, listed)));
        ({ nextPageToken } = page);
      } while (nextPageToken.length > 0);
    }
    return found;
  };
}

/** All runs of the server that skips time, which knows neither namespaces nor queries. */
export async function listSkipping(server: Server): Promise<Execution[]> {
  const asked = { namespace: 'default', maximumPageSize: PAGE_SIZE };
  const pages = [
    await server.listOpenWorkflowExecutions(asked),
    await server.listClosedWorkflowExecutions(asked),
  ];
  return pages.flatMap(({ executions }) => executions.map((listed) => executionOf(asked.namespace, listed)));
}

function executionOf(namespace: string, listed: Listed): Execution {
  const { workflowId, runId } = listed.execution ?? {};
  return { namespace, execution: { workflowId: workflowId ?? '', runId: runId ?? '' }, listed };
}

function findInListing({ execution, listed }: Execution, mark: keyof Marks): string[] {
  return findInTree(listed, mark).map((each) => `${each} of the listed ${execution.workflowId}`);
}

async function findInHistory(
  server: Server,
  { namespace, execution }: Execution,
  mark: keyof Marks,
): Promise<string[]> {
  const found: string[] = [];
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page = await server.getWorkflowExecutionHistory({ namespace, execution, nextPageToken });
    for (const event of page.history?.events ?? [])
      found.push(
        ...findInTree(event, mark).map(
          (each) => `${each} of event ${String(event.eventId)} in history of ${execution.workflowId}`,
        ),
      );
    ({ nextPageToken } = page);
  } while (nextPageToken.length > 0);
  return found;
}

/** Of open runs: activities that are under way, with their heartbeats and the failures they are tried again for. */
async function findInDescription(
  server: Server,
  { namespace, execution, listed }: Execution,
  mark: keyof Marks,
): Promise<string[]> {
  if (Number(listed.status) !== OPEN) return [];
  const description = await server.describeWorkflowExecution({ namespace, execution });
  return findInTree(description, mark).map((each) => `${each} in description of ${execution.workflowId}`);
}

/** A few at a time. */
async function forEach<Item>(
  items: readonly Item[],
  look: (item: Item) => Promise<string[]>,
): Promise<string[]> {
  const left = [...items];
  const found: string[] = [];
  const work = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) found.push(...(await look(item)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}
