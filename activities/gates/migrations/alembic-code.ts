/** Which code of an Alembic file runs on the way up, which names in it are Alembic's, and what may be called there. */
import {
  childrenOf,
  nameOf,
  nodesIn,
  staticText,
  textOf,
  type PythonFile,
  type PythonNode,
} from './python-source.js';

export interface AlembicCode {
  /** Top-level statements and functions that run, or may run, on the way up. */
  roots: PythonNode[];
  /** Names that stand for `alembic.op`. */
  ops: Set<string>;
  /** Name → module it comes from. */
  imports: Map<string, string>;
  /** Functions and classes of the file. */
  own: Set<string>;
}

/** null = the file has no `upgrade()`, or more than one. */
export function readAlembicCode(file: PythonFile): AlembicCode | null {
  const { functions, statements, own } = topLevel(file);
  if (functions.filter(({ name }) => name === 'upgrade').length !== 1) return null;
  if (file.bindings.get('upgrade')?.length !== 1) return null;
  const { ops, imports } = readImports(file);
  const roots = statements.filter((node) => node.name !== 'ImportStatement');
  const reached = new Set<string>(['upgrade']);
  const open = [...roots];
  const enter = (): void => {
    for (const { name, node } of functions) {
      if (!reached.has(name) || roots.includes(node)) continue;
      roots.push(node);
      open.push(node);
    }
  };
  enter();
  for (let root = open.pop(); root !== undefined; root = open.pop()) {
    for (const node of nodesIn(root)) if (node.name === 'VariableName') reached.add(nameOf(file, node));
    enter();
  }
  return { roots: roots.sort((a, b) => a.from - b.from), ops, imports, own };
}

interface TopLevel {
  functions: { name: string; node: PythonNode }[];
  statements: PythonNode[];
  own: Set<string>;
}

function topLevel(file: PythonFile): TopLevel {
  const functions: TopLevel['functions'] = [];
  const statements: PythonNode[] = [];
  const own = new Set<string>();
  for (const node of childrenOf(file.top)) {
    const definition = node.name === 'DecoratedStatement' ? node.lastChild : node;
    const name =
      definition === null ? undefined : childrenOf(definition).find((each) => each.name === 'VariableName');
    const isFunction = definition?.name === 'FunctionDefinition';
    if ((isFunction || definition?.name === 'ClassDefinition') && name !== undefined)
      own.add(nameOf(file, name));
    if (isFunction && name !== undefined) functions.push({ name: nameOf(file, name), node });
    else statements.push(node);
  }
  return { functions, statements, own };
}

function readImports(file: PythonFile): Pick<AlembicCode, 'ops' | 'imports'> {
  const ops = new Set<string>();
  const imports = new Map<string, string>();
  for (const node of nodesIn(file.top)) {
    if (node.name !== 'ImportStatement') continue;
    const words = textOf(file, node)
      .normalize('NFKC')
      .replaceAll(/[()\\]/g, ' ')
      .replaceAll(/#.*$/gm, '');
    const [, from, names = ''] = /^\s*(?:from\s+(\S+)\s+)?import\s+([\s\S]*)$/.exec(words) ?? [];
    for (const part of names.split(',')) {
      const [, name = '', alias] = /^\s*(\S+)(?:\s+as\s+(\S+))?\s*$/.exec(part) ?? [];
      if (name === '') continue;
      const known = alias ?? (from === undefined ? (name.split('.')[0] ?? name) : name);
      const whole = from === undefined ? name : `${from}.${name}`;
      if (whole === 'alembic.op') ops.add(alias ?? (from === undefined ? 'alembic' : 'op'));
      imports.set(known, whole);
    }
  }
  return { ops, imports };
}

export interface Revision {
  id: string | null;
  /** The revisions it comes after. */
  after: string[];
}

export function readRevision(file: PythonFile): Revision {
  const found: Revision = { id: null, after: [] };
  for (const node of childrenOf(file.top)) {
    if (node.name !== 'AssignStatement') continue;
    const parts = childrenOf(node);
    const [target] = parts;
    const value = parts.at(-1);
    if (target === undefined || value === undefined) continue;
    const texts = (
      value.name === 'TupleExpression' || value.name === 'ArrayExpression' ? childrenOf(value) : [value]
    )
      .map((each) => staticText(file, each)?.text)
      .filter((text) => text !== undefined);
    if (nameOf(file, target) === 'revision') found.id = texts[0] ?? null;
    if (nameOf(file, target) === 'down_revision') found.after = texts;
  }
  return found;
}

/** Libraries that describe a database, and the part of Python's own that migrations use: they do nothing unseen. */
const READABLE =
  /^(alembic|sqlalchemy|sqlmodel|sqlalchemy_utils|geoalchemy2|pgvector|datetime|decimal|enum|json|logging|re|typing|uuid|collections|itertools|functools|string|textwrap|hashlib|secrets|time|math|os\.path|pathlib|__future__)(\.|$)/;

export const isReadable = (module: string): boolean => READABLE.test(module);

export const BUILT_IN = new Set(
  'abs all any bool bytes dict enumerate filter float frozenset int isinstance len list map max min print range repr reversed round set sorted str sum super tuple zip Exception RuntimeError ValueError NotImplementedError'.split(
    ' ',
  ),
);
