/**
 * A dynamic configuration of Traefik in which one weighted service names the colour that has the traffic. Only that
 * list is replaced, so comments and whatever else the team keeps in the file stay as they are. Pure.
 */
import { isMap, isSeq, parseDocument, type Document, type YAMLMap, type YAMLSeq } from 'yaml';
import { readShares, type Shares } from './shares.js';

const COLOURS = ['blue', 'green'] as const;

export interface WeightedService {
  serviceName: string;
  services: { blue: string; green: string };
}

/** What is wrong with the text, for people; null = it can be read and written. */
export function explainWeighted({ serviceName, services }: WeightedService, text: string): string | null {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) return `is not YAML: ${error.message.split('\n')[0] ?? ''}`;
  if (findList(document, serviceName) === null) return `has no weighted service ${serviceName}`;
  // Traefik answers 404 to everyone when a weighted service names one that it does not know
  const missing = Object.values(services).find((name) => !isKnown(document, name));
  return missing === undefined ? null : `has no service ${missing}`;
}

/** What each colour has; null = nothing, or somebody else's service has something. */
export function readWeighted({ serviceName, services }: WeightedService, text: string): Shares | null {
  const list = findList(parseDocument(text), serviceName)?.list.toJSON() as unknown;
  if (!Array.isArray(list)) return null;
  const weights = { blue: 0, green: 0 };
  for (const { name, weight } of list.map(readEntry).filter((entry) => entry.weight > 0)) {
    if (name === services.blue) weights.blue += weight;
    else if (name === services.green) weights.green += weight;
    else return null;
  }
  return readShares(weights);
}

/** Throws when the text has no such list; ask `explainWeighted` first. */
export function writeWeighted(
  { serviceName, services }: WeightedService,
  text: string,
  shares: Shares,
): string {
  const found = findList(parseDocument(text), serviceName);
  if (found === null) throw new Error(`no weighted service ${serviceName}`);
  const [start, end] = found.list.range ?? [0, 0];
  // without the colour that has nothing: one that is stopped and gone would take the other with it
  const entries = COLOURS.filter((colour) => shares[colour] > 0).map(
    (colour) => `{ name: ${JSON.stringify(services[colour])}, weight: ${shares[colour]} }`,
  );
  const list = `[${entries.join(', ')}]`;
  if (found.list.flow === true) return `${text.slice(0, start)}${list}${text.slice(end)}`;
  // a list of lines may stand as far left as its key, and what comes instead of it may not
  const blanks = /\s*$/.exec(text.slice(start, end))?.[0] ?? '';
  return `${text.slice(0, start)}  ${list}${blanks}${text.slice(end)}`;
}

/** What a person writes once, before the first release. */
export function weightedExample({ serviceName, services }: WeightedService): string {
  return `http: {services: {${serviceName}: {weighted: {services: [{name: ${services.blue}, weight: 1}]}}}}`;
}

function findList(document: Document, serviceName: string): { list: YAMLSeq } | null {
  const list = servicesOf(document)?.getIn([serviceName, 'weighted', 'services'], true);
  return isSeq(list) ? { list } : null;
}

/** `name@provider` is defined somewhere else. */
function isKnown(document: Document, name: string): boolean {
  return name.includes('@') || servicesOf(document)?.has(name) === true;
}

function servicesOf(document: Document): YAMLMap | null {
  const services = document.getIn(['http', 'services'], true);
  return isMap(services) ? services : null;
}

function readEntry(entry: unknown): { name: unknown; weight: number } {
  if (typeof entry !== 'object' || entry === null) return { name: null, weight: 1 };
  const weight = 'weight' in entry ? Number(entry.weight) : 1;
  return { name: 'name' in entry ? entry.name : null, weight: Number.isFinite(weight) ? weight : 1 };
}
