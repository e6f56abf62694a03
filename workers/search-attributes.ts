/** The search attributes the workflows write, as the server must know them. */
import type { Connection } from '@temporalio/client';

export const SEARCH_ATTRIBUTES = [
  { name: 'SlipwayPipeline', type: 'Keyword' },
  { name: 'SlipwayEnvironment', type: 'Keyword' },
  { name: 'SlipwayVersion', type: 'Keyword' },
  { name: 'SlipwayCommit', type: 'Keyword' },
  { name: 'SlipwayState', type: 'Keyword' },
  { name: 'SlipwayWaitingFor', type: 'Keyword' },
  { name: 'SlipwayActor', type: 'Keyword' },
  { name: 'SlipwayForced', type: 'Bool' },
] as const;

/** Temporal's IndexedValueType. */
const INDEXED_VALUE_TYPE = { Keyword: 2, Bool: 5 } as const;

/** Adds what is missing. Throws with the command an administrator runs when we are not allowed to. */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const known = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = SEARCH_ATTRIBUTES.filter(({ name }) => known.customAttributes?.[name] === undefined);
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(
    missing.map(({ name, type }) => [name, INDEXED_VALUE_TYPE[type]]),
  );
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (error) {
    const flags = missing.map(({ name, type }) => `--name ${name} --type ${type}`).join(' ');
    throw new Error(
      `namespace ${namespace} lacks the search attributes ${missing.map(({ name }) => name).join(', ')} and they could not be added; run: temporal operator search-attribute create --namespace ${namespace} ${flags}`,
      { cause: error },
    );
  }
}
