/** The file of a gate's `exceptions`: findings people decided to live with. */
import { parseDocument } from 'yaml';
import { openVex } from './openvex.js';
import { trivyIgnore } from './trivy-ignore.js';
import { UnreadableExceptions, type Exceptions } from './waiver.js';

/** As much as a pipeline file may have: reading YAML holds up the worker. */
const LARGEST_BYTES = 256 * 1024;

/** A file in the shape of `.trivyignore.yaml`, or an OpenVEX 0.2 document. Throws UnreadableExceptions. */
export function readExceptions(bytes: Buffer): Exceptions {
  if (bytes.length > LARGEST_BYTES) throw new UnreadableExceptions('is larger than 256 KB');
  const value = parse(bytes.toString('utf8'));
  return isVex(value) ? openVex(value) : trivyIgnore(value);
}

/** Nothing is waived where the gate names no file. */
export const NO_EXCEPTIONS: Exceptions = { about: () => null };

function isVex(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '@context' in value;
}

/** JSON is YAML too. */
function parse(text: string): unknown {
  try {
    const document = parseDocument(text, { prettyErrors: true });
    const [problem] = document.errors;
    if (problem !== undefined)
      throw new UnreadableExceptions(`is no YAML: ${problem.message.split('\n')[0]?.slice(0, 200) ?? ''}`);
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (error instanceof UnreadableExceptions) throw error;
    throw new UnreadableExceptions('is no YAML that can be read');
  }
}
