import { lookup } from 'node:dns/promises';

const LOOK_AGAIN_MS = 1000;

/**
 * A database whose name resolves late must not fail a good deploy: /ready waits for it, the process does not end.
 * Without a host there is nothing to wait for.
 */
export function watchDatabase(host, resolve = lookup) {
  let isThere = host === undefined;
  const look = async () => {
    try {
      await resolve(host);
      isThere = true;
    } catch {
      setTimeout(look, LOOK_AGAIN_MS).unref();
    }
  };
  if (!isThere) void look();
  return () => isThere;
}
