/** XML reports, element by element. Nothing is fetched, and no entity of the file's own is ever expanded. */
import { setImmediate } from 'node:timers/promises';
import { SaxesParser } from 'saxes';
import { UnreadableReport } from './report.js';

export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  /** Names of the elements around it, the root first. */
  parents: readonly string[];
}

export interface XmlHandlers {
  open(element: XmlElement): void;
  close?(name: string): void;
}

/** Other work of the worker goes on between two slices. */
const SLICE_CHARACTERS = 256 * 1024;
const MAX_DEPTH = 100;

/**
 * Reads a whole document with the root `roots` allows. Throws UnreadableReport for one that is not well-formed, ends
 * early, or declares anything in its doctype (the plain doctype of Cobertura is fine, and is not followed).
 */
export async function readXml(text: string, roots: readonly string[], handlers: XmlHandlers): Promise<void> {
  const parser = new SaxesParser({ xmlns: false });
  const open: string[] = [];
  parser.on('error', (error) => {
    throw new UnreadableReport(`is not whole XML: ${error.message.slice(0, 200)}`);
  });
  parser.on('doctype', (doctype) => {
    if (doctype.includes('[')) throw new UnreadableReport('declares entities, which no report needs');
  });
  parser.on('opentag', ({ name, attributes }) => {
    if (open.length === 0 && !roots.includes(name)) {
      throw new UnreadableReport(`starts with <${name.slice(0, 40)}>, not with <${roots.join('> or <')}>`);
    }
    if (open.length >= MAX_DEPTH) throw new UnreadableReport(`is nested deeper than ${MAX_DEPTH} elements`);
    handlers.open({ name, attributes, parents: open });
    open.push(name);
  });
  parser.on('closetag', ({ name }) => {
    open.pop();
    handlers.close?.(name);
  });
  for (let at = 0; at < text.length; at += SLICE_CHARACTERS) {
    parser.write(text.slice(at, at + SLICE_CHARACTERS));
    await setImmediate();
  }
  parser.close();
}

/** A whole number from an attribute; null when it has none, or something else. */
export function readCount(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : null;
}
