/** `allowed_signers` as OpenSSH reads it (ssh-keygen(1), ALLOWED SIGNERS): who may sign what, with which key, and when. */

export interface SignerLine {
  /** Does it speak for this person? */
  names(person: string): boolean;
  /** Would it, if case did not matter? To OpenSSH it does. */
  namesInOtherCase(person: string): boolean;
  /** As they are written. */
  principals: string;
  /** May it sign this; `namespace` as `approval@slipway`. */
  isFor(namespace: string): boolean;
  /** Not before and not after; ±Infinity where it does not say. */
  validFromMs: number;
  validUntilMs: number;
  /** Type and base64, as a public key file has it. Of a `cert-authority`: that of the authority. */
  key: string;
}

/** Lines that can hold a signature; what OpenSSH cannot read counts for nobody, there and here. */
export function readSignerLines(text: string): SignerLine[] {
  return text.split('\n').flatMap((line) => readLine(line.trim()) ?? []);
}

/** `ssh-ed25519 AAAA…` from text that begins with it; null = it is no public key. */
export function readPublicKey(text: string): string | null {
  const [, type, base64] = /^([a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]|$)/.exec(text) ?? [];
  if (type === undefined || base64 === undefined) return null;
  const blob = Buffer.from(base64, 'base64');
  // the key begins with the length of its type, and the type
  const isKey = blob.length > 4 && blob.subarray(4, 4 + blob.readUInt32BE(0)).toString() === type;
  return isKey ? `${type} ${base64}` : null;
}

const OPTIONS = /^((?:[a-z-]+(?:="[^"]*")?,?)+)[ \t]+(.*)$/i;

function readLine(line: string): SignerLine | null {
  const [, quoted, bare, rest = ''] = /^(?:"([^"]+)"|([^\s#"]\S*))[ \t]+(.*)$/.exec(line) ?? [];
  const principals = quoted ?? bare;
  if (principals === undefined) return null;
  const plain = readPublicKey(rest);
  const [, options = '', after = ''] = plain === null ? (OPTIONS.exec(rest) ?? []) : [];
  const key = plain ?? readPublicKey(after);
  if (key === null) return null;
  const said = new Map(
    [...options.matchAll(/([a-z-]+)(?:="([^"]*)")?/gi)].map(([, name = '', value = '']) => [
      name.toLowerCase(),
      value,
    ]),
  );
  const namespaces = said.get('namespaces');
  const validFromMs = readTime(said.get('valid-after'), -Infinity);
  const validUntilMs = readTime(said.get('valid-before'), Infinity);
  if (Number.isNaN(validFromMs) || Number.isNaN(validUntilMs)) return null;
  return {
    names: (person) => matchesList(person, principals),
    namesInOtherCase: (person) => matchesList(person.toLowerCase(), principals.toLowerCase()),
    principals,
    isFor: (namespace) => namespaces === undefined || matchesList(namespace, namespaces),
    validFromMs,
    validUntilMs,
    key,
  };
}

/** `YYYYMMDD[HHMM[SS]][Z]`, without the Z in this machine's zone; NaN = OpenSSH does not take it. */
function readTime(text: string | undefined, absent: number): number {
  if (text === undefined) return absent;
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone = ''] =
    /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/.exec(text) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
}

/** Patterns with `*` and `?`; one that begins with `!` and matches has the last word. */
function matchesList(text: string, list: string): boolean {
  const patterns = list.split(',');
  const matches = (pattern: string): boolean =>
    new RegExp(
      `^${pattern
        .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.')}$`,
    ).test(text);
  return (
    !patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1))) &&
    patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern))
  );
}
