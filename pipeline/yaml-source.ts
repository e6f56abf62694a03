/** Bytes of a pipeline file → plain values, and where in the text each of them stands. */
import {
  LineCounter,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  parseAllDocuments,
  visit,
  type Document,
  type Node,
  type Pair,
} from 'yaml';
import { makeSnippet, formatPath, type FileError, type FilePath, type Range } from './file-error.js';

/** The largest of the five teams' files is 5 KB. */
const MAX_FILE_BYTES = 256 * 1024;
const MAX_DEPTH = 40;
/** Aliases resolved in total, counting those inside what an alias stands for. */
const MAX_ALIASES = 100;
const MAX_ERRORS = 20;

interface YamlSource {
  name: string;
  value: unknown;
  /** The value at `path`, or the nearest thing above it that exists. */
  rangeOf(path: FilePath, at: 'key' | 'value'): Range;
  /** Builds an error that shows the text; ranges given to `mask` before are dotted out. */
  errorAt(range: Range, path: FilePath, message: string, suggestion?: string | null): FileError;
  positionOf(path: FilePath): { line: number; column: number };
  mask(range: Range): void;
}

export type YamlResult = { ok: true; source: YamlSource } | { ok: false; errors: FileError[] };

function errorWithoutText(
  file: string,
  message: string,
  line = 1,
  column = 1,
): { ok: false; errors: FileError[] } {
  return { ok: false, errors: [{ file, line, column, path: '', message, suggestion: null, snippet: '' }] };
}

/** Reads one YAML 1.2 document with merge keys; `whereToBegin` helps with an empty one. Never throws for bad input. */
export function readYaml(bytes: Uint8Array, name: string, whereToBegin: string): YamlResult {
  if (bytes.byteLength > MAX_FILE_BYTES) {
    const size = (bytes.byteLength / 1e6).toFixed(1);
    return errorWithoutText(
      name,
      `is ${size} MB; a pipeline file has at most ${MAX_FILE_BYTES / 1024} KB. Is this the right file?`,
    );
  }
  const decoded = decode(bytes, name);
  if (!decoded.ok) return decoded;
  const text = decoded.text;
  const tooDeep = findTooDeep(text);
  if (tooDeep !== null) return errorWithoutText(name, `is nested deeper than ${MAX_DEPTH} levels`, tooDeep);

  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    merge: true,
    prettyErrors: false,
    logLevel: 'error',
  });
  const [document] = Array.isArray(documents) ? documents : [];
  if (document === undefined || document.contents === null || isEmptyScalar(document.contents)) {
    if (document === undefined || document.errors.length === 0) {
      return errorWithoutText(name, `is empty; ${whereToBegin}`);
    }
  }
  const source = new Source(name, text, document, lines);
  const errors = document.errors.slice(0, 3).map((error) => {
    const [start, end] = error.pos;
    return source.errorAt({ start, end }, [], explainYamlError(error.code, error.message));
  });
  if (errors.length > 0) return { ok: false, errors };
  if (documents.length > 1) {
    const start = documents[1]?.range[0] ?? 0;
    return {
      ok: false,
      errors: [
        source.errorAt({ start, end: start + 3 }, [], 'holds more than one document; keep one, without ---'),
      ],
    };
  }
  const strange = findStrange(document, source);
  if (strange.length > 0) return { ok: false, errors: strange.slice(0, MAX_ERRORS) };
  try {
    source.value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    // the library throws ReferenceError for too many aliases and for cycles of them
    const reason = error instanceof Error ? error.message : String(error);
    return errorWithoutText(
      name,
      `its aliases cannot be resolved: ${reason.slice(0, 200)}; at most ${MAX_ALIASES} are, write the others out`,
    );
  }
  return { ok: true, source };
}

function decode(
  bytes: Uint8Array,
  name: string,
): { ok: true; text: string } | { ok: false; errors: FileError[] } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const line = findBadLine(bytes);
    return errorWithoutText(name, 'is not UTF-8 text; save it as UTF-8', line);
  }
  // oxlint-disable-next-line no-control-regex
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text);
  if (control !== null) {
    const before = text.slice(0, control.index).split('\n');
    const code = control[0].charCodeAt(0).toString(16).padStart(4, '0').toUpperCase();
    return errorWithoutText(
      name,
      `has a control character (U+${code}); is it a text file?`,
      before.length,
      (before.at(-1)?.length ?? 0) + 1,
    );
  }
  return { ok: true, text };
}

function findBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end + 1;
    line += 1;
  }
  return line;
}

/** The line on which brackets nest too deep; parsing such text first would cost seconds. */
function findTooDeep(text: string): number | null {
  let line = 1;
  let depth = 0;
  let indents = 0;
  for (const row of text.split('\n')) {
    // quoted text and comments may hold brackets too, but never so many open ones
    for (const char of row) {
      if (char === '[' || char === '{') depth += 1;
      else if ((char === ']' || char === '}') && depth > 0) depth -= 1;
    }
    indents = /^(?:[\s]*[-?:] )*/.exec(row)?.[0].replaceAll(/\s/g, '').length ?? 0;
    if (depth > MAX_DEPTH * 5 || indents > MAX_DEPTH) return line;
    line += 1;
  }
  return null;
}

function isEmptyScalar(node: unknown): boolean {
  return isScalar(node) && (node.value === null || node.value === '');
}

function explainYamlError(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'a tab indents this line; YAML wants spaces';
  if (code === 'DUPLICATE_KEY') return 'this key is here twice; keep one';
  if (code === 'RESOURCE_EXHAUSTION') return 'is nested too deep';
  return `is not YAML: ${message.split('\n')[0] ?? ''}`;
}

const PLAIN_TAG = /^(!|tag:yaml\.org,2002:(str|int|float|bool|null|map|seq|merge))$/;

/** Tags, maps as keys, too much depth: legal YAML that no pipeline file needs. */
function findStrange(document: Document, source: Source): FileError[] {
  const errors: FileError[] = [];
  visit(document, {
    Node(_key, node, ancestors) {
      if (ancestors.length > MAX_DEPTH * 2) {
        errors.push(source.errorAt(rangeOfNode(node), [], `is nested deeper than ${MAX_DEPTH} levels`));
        return visit.BREAK;
      }
      if (!isAlias(node) && node.tag !== undefined && !PLAIN_TAG.test(node.tag)) {
        errors.push(
          source.errorAt(rangeOfNode(node), [], `the tag ${node.tag} means nothing here; remove it`),
        );
      }
      return undefined;
    },
    Pair(_key, pair) {
      if (isScalar(pair.key) || isAlias(pair.key)) return undefined;
      const range = isNode(pair.key) ? rangeOfNode(pair.key) : { start: 0, end: 1 };
      errors.push(
        source.errorAt(range, [], 'a key must be a plain word; a template such as {tag} needs quotes'),
      );
      return visit.SKIP;
    },
  });
  return errors;
}

function rangeOfNode(node: Node): Range {
  const range = node.range;
  return range === undefined || range === null ? { start: 0, end: 1 } : { start: range[0], end: range[1] };
}

class Source implements YamlSource {
  value: unknown = null;
  private readonly masked: Range[] = [];

  constructor(
    readonly name: string,
    private readonly text: string,
    private readonly document: Document.Parsed,
    private readonly lines: LineCounter,
  ) {}

  mask(range: Range): void {
    this.masked.push(range);
  }

  rangeOf(path: FilePath, at: 'key' | 'value'): Range {
    let node: unknown = this.document.contents;
    let range = isNode(node) ? rangeOfNode(node) : { start: 0, end: 1 };
    for (const [index, part] of path.entries()) {
      node = this.resolve(node);
      if (isMap(node)) {
        const pair = this.findPair(node, String(part));
        if (pair === null) return range;
        const key = isNode(pair.key) ? rangeOfNode(pair.key) : range;
        const last = index === path.length - 1;
        // a key without a value has an empty range: its key says more
        const atValue = last && at === 'value' && !isEmptyScalar(pair.value);
        // what is missing inside a map is reported at the key above it
        range = atValue && isNode(pair.value) ? rangeOfNode(pair.value) : key;
        node = pair.value;
      } else {
        const item: unknown = isSeq(node) && typeof part === 'number' ? node.items[part] : null;
        if (!isNode(item)) return range;
        node = item;
        range = rangeOfNode(item);
      }
    }
    return range;
  }

  positionOf(path: FilePath): { line: number; column: number } {
    return this.position(this.rangeOf(path, 'key').start);
  }

  errorAt(range: Range, path: FilePath, message: string, suggestion: string | null = null): FileError {
    const { line, column } = this.position(range.start);
    const snippet = makeSnippet(this.text, range, line, this.masked);
    return { file: this.name, line, column, path: formatPath(path), message, suggestion, snippet };
  }

  private position(offset: number): { line: number; column: number } {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  private resolve(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.document) : node;
  }

  /** The pair of a key, also through merge keys. */
  private findPair(map: unknown, key: string): Pair | null {
    if (!isMap(map)) return null;
    const own = map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
    if (own !== undefined) return own;
    for (const pair of map.items) {
      if (!isPair(pair) || !isScalar(pair.key) || String(pair.key.source ?? pair.key.value) !== '<<')
        continue;
      const merged = this.resolve(pair.value);
      const candidates: unknown[] = isSeq(merged) ? merged.items.map((item) => this.resolve(item)) : [merged];
      for (const candidate of candidates) {
        const found = this.findPair(candidate, key);
        if (found !== null) return found;
      }
    }
    return null;
  }
}
