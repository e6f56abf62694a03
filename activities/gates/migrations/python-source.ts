/** Python as its grammar sees it; never run. */
import { setImmediate } from 'node:timers/promises';
import { parser } from '@lezer/python';
import { countBelow, offsetsOfBreaks, type SqlPiece, type SqlText } from './sql-text.js';

type PythonTree = ReturnType<typeof parser.parse>;
export type PythonNode = PythonTree['topNode'];

export interface PythonFile {
  text: string;
  top: PythonNode;
  /** Offset of the first thing that is no Python; null = all of it is. */
  errorAt: number | null;
  breaks: number[];
  /** Where each name may be given a value. */
  bindings: Map<string, PythonNode[]>;
}

export interface PythonCall {
  node: PythonNode;
  /** The name it starts from: `op` in `op.add_column`; null when that is computed (`op.get_bind().execute`). */
  root: string | null;
  /** What comes after it: `['add_column']`; empty for `f()` and for what is computed. */
  path: string[];
  positional: PythonNode[];
  keywords: Map<string, PythonNode>;
  /** `*args` or `**kwargs`: not all arguments are there to be seen. */
  spread: boolean;
}

const CHARACTERS_A_TURN = 20_000;

/** Parsed bit by bit, so that a large file does not hold up the worker. */
export async function parsePython(content: string): Promise<PythonFile> {
  const text = content.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const parse = parser.startParse(text);
  let tree: PythonTree | null = null;
  let turn = 0;
  while (tree === null) {
    const before = parse.parsedPos;
    tree = parse.advance();
    turn += Math.max(1, parse.parsedPos - before);
    if (turn < CHARACTERS_A_TURN) continue;
    turn = 0;
    await setImmediate();
  }
  let errorAt: number | null = null;
  tree.iterate({
    enter: (node) => {
      if (node.type.isError) errorAt ??= node.from;
      return errorAt === null;
    },
  });
  const file: PythonFile = {
    text,
    top: tree.topNode,
    errorAt,
    breaks: offsetsOfBreaks(text),
    bindings: new Map(),
  };
  for (const node of nodesIn(file.top)) {
    if (node.name !== 'VariableName' || !isBound(node)) continue;
    const name = nameOf(file, node);
    const others = file.bindings.get(name);
    if (others === undefined) file.bindings.set(name, [node]);
    else others.push(node);
  }
  return file;
}

export function lineOf(file: PythonFile, at: number): number {
  return 1 + countBelow(file.breaks, at);
}

export function textOf(file: PythonFile, node: PythonNode): string {
  return file.text.slice(node.from, node.to);
}

/** As Python compares names: `ｏｐ` in full width is `op`. */
export function nameOf(file: PythonFile, node: PythonNode): string {
  return textOf(file, node).normalize('NFKC');
}

export function childrenOf(node: PythonNode): PythonNode[] {
  const children: PythonNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling)
    if (child.name !== 'Comment') children.push(child);
  return children;
}

/** The node and all below it, in the order of the file. */
export function* nodesIn(top: PythonNode): Generator<PythonNode> {
  const open = [top];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    yield node;
    open.push(...childrenOf(node).reverse());
  }
}

export function readCall(file: PythonFile, node: PythonNode): PythonCall {
  const [callee, list] = childrenOf(node);
  const call: PythonCall = {
    node,
    ...readCallee(file, callee),
    positional: [],
    keywords: new Map(),
    spread: false,
  };
  let keyword: string | null = null;
  const parts = list === undefined ? [] : childrenOf(list);
  for (const [index, part] of parts.entries()) {
    if (['(', ')', ',', 'AssignOp'].includes(part.name)) continue;
    if (part.name === '*' || part.name === '**') call.spread = true;
    else if (parts[index + 1]?.name === 'AssignOp') keyword = nameOf(file, part);
    else if (keyword === null) call.positional.push(part);
    else {
      call.keywords.set(keyword, part);
      keyword = null;
    }
  }
  return call;
}

function readCallee(
  file: PythonFile,
  callee: PythonNode | undefined,
): { root: string | null; path: string[] } {
  const path: string[] = [];
  let node = callee;
  while (node?.name === 'MemberExpression') {
    const last = node.lastChild;
    if (last?.name !== 'PropertyName') return { root: null, path: [] };
    path.unshift(nameOf(file, last));
    node = node.firstChild ?? undefined;
  }
  return { root: node?.name === 'VariableName' ? nameOf(file, node) : null, path };
}

/** `Column` in `sa.Column(…)` and in `Column(…)`; null when it is computed. */
export function calledName({ root, path }: PythonCall): string | null {
  return path.at(-1) ?? root;
}

/** The node an expression really is: parentheses away, a name replaced by the one value it is given in the file. */
export function resolve(file: PythonFile, node: PythonNode): PythonNode {
  let found = node;
  for (let steps = 0; steps < 20; steps++) {
    const inner = found.name === 'ParenthesizedExpression' ? childrenOf(found)[1] : valueOf(file, found);
    if (inner === undefined || inner === null) return found;
    found = inner;
  }
  return found;
}

/** null when it is no name, or not given exactly once by a plain `name = value`. */
function valueOf(file: PythonFile, node: PythonNode): PythonNode | null {
  if (node.name !== 'VariableName') return null;
  const bindings = file.bindings.get(nameOf(file, node)) ?? [];
  const [binding] = bindings;
  return bindings.length === 1 && binding !== undefined ? assignedTo(binding) : null;
}

const BINDERS = new Set([
  'AssignStatement',
  'UpdateStatement',
  'NamedExpression',
  'ForStatement',
  'ParamList',
  'ImportStatement',
  'WithStatement',
  'FunctionDefinition',
  'ClassDefinition',
  'ScopeStatement',
  'DeleteStatement',
  'TryStatement',
  'ComprehensionExpression',
  'ArrayComprehensionExpression',
  'SetComprehensionExpression',
  'DictionaryComprehensionExpression',
  'CapturePattern',
  'AsPattern',
]);

/** Does this occurrence give the name a value (or may it)? */
function isBound(node: PythonNode): boolean {
  let parent = node.parent;
  while (
    parent !== null &&
    ['TupleExpression', 'ArrayExpression', 'ParenthesizedExpression'].includes(parent.name)
  )
    parent = parent.parent;
  if (parent === null) return false;
  if (parent.name !== 'AssignStatement') return BINDERS.has(parent.name);
  return childrenOf(parent).some((each) => each.name === 'AssignOp' && each.from >= node.to);
}

function assignedTo(name: PythonNode): PythonNode | null {
  const { parent } = name;
  if (parent?.name !== 'AssignStatement') return null;
  const parts = childrenOf(parent);
  const isPlain =
    parts[0]?.from === name.from && parts.filter((each) => each.name === 'AssignOp').length === 1;
  return isPlain && parts.at(-2)?.name === 'AssignOp' ? (parts.at(-1) ?? null) : null;
}

/** The text of a string that stands in the file, with where each part of it stands; null = computed. */
export function staticText(file: PythonFile, expression: PythonNode): SqlText | null {
  const literals = literalsOf(file, expression, 0);
  if (literals === null) return null;
  let text = '';
  let bytes = 0;
  const pieces: SqlPiece[] = [];
  for (const literal of literals) {
    const read = readLiteral(textOf(file, literal));
    if (read === null) return null;
    pieces.push({ at: bytes, line: lineOf(file, literal.from), verbatim: read.verbatim });
    text += read.value;
    bytes += Buffer.byteLength(read.value);
  }
  return { text, pieces };
}

function literalsOf(file: PythonFile, expression: PythonNode, depth: number): PythonNode[] | null {
  if (depth > 100) return null;
  const node = resolve(file, expression);
  if (node.name === 'String') return [node];
  if (node.name === 'FormatString')
    return childrenOf(node).some((each) => each.name === 'FormatReplacement') ? null : [node];
  const isSum = node.name === 'BinaryExpression' && textOf(file, childrenOf(node)[1] ?? node) === '+';
  if (node.name !== 'ContinuedString' && !isSum) return null;
  const parts = childrenOf(node).filter((each) => each.name !== 'ArithOp');
  const found: PythonNode[] = [];
  for (const part of parts) {
    const literals = literalsOf(file, part, depth + 1);
    if (literals === null) return null;
    found.push(...literals);
  }
  return found;
}

const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** null for bytes, `{{` of f-strings and escapes that SQL has no use for: they are not worth guessing at. */
function readLiteral(literal: string): { value: string; verbatim: boolean } | null {
  const [, prefix = '', quote = '', body = ''] = /^([a-z]*)("""|'''|"|')([\s\S]*)\2$/i.exec(literal) ?? [];
  if (quote === '' || /b/i.test(prefix)) return null;
  if (/f/i.test(prefix) && /[{}]/.test(body)) return null;
  if (/r/i.test(prefix) || !body.includes('\\')) return { value: body, verbatim: true };
  let isKnown = true;
  const value = body.replaceAll(/\\([\s\S])/g, (_all, sign: string) => {
    isKnown &&= sign in ESCAPES;
    return ESCAPES[sign] ?? '';
  });
  // a backslash before anything else stays, as in Python, and PostgreSQL may read it; it is rare enough to refuse
  return isKnown ? { value, verbatim: false } : null;
}
