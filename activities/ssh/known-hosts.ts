/**
 * known_hosts as OpenSSH reads it (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): plain, hashed and bracketed names,
 * globs, negation, `@revoked`, `@cert-authority`. Tested against `ssh-keygen -F`.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface KnownHostsLine {
  /** Where a person finds it: `/home/ci/.ssh/known_hosts:12`. */
  place: string;
  marker: 'revoked' | 'cert-authority' | null;
  names: string;
  keyType: string;
  /** The key's blob, as the server sends it. */
  key: Buffer;
}

export type HostKeyVerdict =
  | { verdict: 'trusted' }
  | { verdict: 'changed'; expected: KnownHostsLine }
  | { verdict: 'revoked'; line: KnownHostsLine }
  | { verdict: 'certificate-authority'; line: KnownHostsLine }
  | { verdict: 'unknown' };

const LINE =
  /^(?:@(?<marker>\S+)\s+)?(?<names>\S+)\s+(?<keyType>\S+)\s+(?<key>[A-Za-z0-9+/]+={0,2})(?:\s.*)?$/;

/** Lines OpenSSH would ignore (comments, broken ones, unknown markers) are left out. */
export function parseKnownHosts(text: string, file: string): KnownHostsLine[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return [];
    const { marker, names, keyType, key } = LINE.exec(line)?.groups ?? {};
    if (names === undefined || keyType === undefined || key === undefined) return [];
    if (marker !== undefined && marker !== 'revoked' && marker !== 'cert-authority') return [];
    const blob = Buffer.from(key, 'base64');
    if (keyTypeOf(blob) !== keyType) return [];
    return [{ place: `${file}:${index + 1}`, marker: marker ?? null, names, keyType, key: blob }];
  });
}

/** The name known_hosts uses for an address: bracketed when the port is not 22. */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

export function matchesHost(names: string, wanted: string): boolean {
  if (names.startsWith('|')) return matchesHash(names, wanted);
  let matched = false;
  for (const pattern of names.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!matchesGlob(negated ? pattern.slice(1) : pattern, wanted)) continue;
    // one negated match excludes the whole line
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** What the lines say about the key this server offers. Revocation wins over everything. */
export function judgeHostKey(
  lines: readonly KnownHostsLine[],
  host: string,
  port: number,
  key: Buffer,
): HostKeyVerdict {
  const wanted = knownHostsName(host, port);
  const named = lines.filter((line) => matchesHost(line.names, wanted));
  const revoked = named.find((line) => line.marker === 'revoked' && line.key.equals(key));
  if (revoked !== undefined) return { verdict: 'revoked', line: revoked };
  const plain = named.filter((line) => line.marker === null);
  if (plain.some((line) => line.key.equals(key))) return { verdict: 'trusted' };
  const expected = plain.find((line) => line.keyType === keyTypeOf(key)) ?? plain[0];
  if (expected !== undefined) return { verdict: 'changed', expected };
  const authority = named.find((line) => line.marker === 'cert-authority');
  if (authority !== undefined) return { verdict: 'certificate-authority', line: authority };
  return { verdict: 'unknown' };
}

/** Key types known for this host, so that the server is asked for a key we can judge. */
export function knownKeyTypes(lines: readonly KnownHostsLine[], host: string, port: number): string[] {
  const wanted = knownHostsName(host, port);
  const types = lines
    .filter((line) => line.marker === null && matchesHost(line.names, wanted))
    .map((line) => line.keyType);
  return [...new Set(types)];
}

/** `SHA256:…` as ssh-keygen prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** A public key blob starts with its type as a length-prefixed string. */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return '';
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

function matchesHash(names: string, wanted: string): boolean {
  const [, version, salt, hash] = names.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(wanted).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function matchesGlob(pattern: string, wanted: string): boolean {
  // walked by hand: a regular expression made from a file's text can be made to backtrack for ever
  let p = 0;
  let w = 0;
  let star = -1;
  let resume = 0;
  while (w < wanted.length) {
    if (pattern[p] === '*') {
      star = p;
      resume = w;
      p += 1;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === wanted[w])) {
      p += 1;
      w += 1;
    } else if (star !== -1) {
      resume += 1;
      p = star + 1;
      w = resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
