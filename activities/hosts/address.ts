/** `host`, `user@host`, `user@host:port`, `[::1]:22`: parsed where they enter, refused with the form they should have. */
import { badInput } from '../failure.js';

export interface Address {
  user: string | null;
  host: string;
  port: number | null;
}

const ADDRESS =
  /^(?:(?<user>[A-Za-z0-9_][\w.+$-]*)@)?(?:\[(?<v6>[0-9A-Fa-f:.%a-z]+)\]|(?<host>[\w][\w.-]*))(?::(?<port>\d{1,5}))?$/;
const BARE_V6 = /^(?:(?<user>[A-Za-z0-9_][\w.+$-]*)@)?(?<v6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/;

/** `shown` is what errors call it: the reference, where the address itself is not to be printed. */
export function parseAddress(text: string, shown: string): Address {
  const groups = ADDRESS.exec(text)?.groups ?? BARE_V6.exec(text)?.groups;
  const host = groups?.['v6'] ?? groups?.['host'];
  const port = groups?.['port'] === undefined ? null : Number(groups['port']);
  if (host === undefined || (port !== null && (port < 1 || port > 65_535))) {
    throw badInput({
      what: `${JSON.stringify(shown)} is not the address of a host`,
      where: `host ${shown}`,
      why: null,
      wayOut: 'write host, user@host or user@host:port (docs/hosts.md#addresses)',
    });
  }
  return { user: groups?.['user'] ?? null, host, port };
}
