/** What is written in the parentheses of an Alembic operation, as far as it stands there. */
import { tableText, type TableName } from './new-objects.js';
import {
  calledName,
  readCall,
  resolve,
  staticText,
  textOf,
  type PythonCall,
  type PythonFile,
  type PythonNode,
} from './python-source.js';

/** The way out where a value is computed. */
export const PLAINLY = 'write it with plain names and values';

export interface Operation {
  file: PythonFile;
  name: string;
  call: PythonCall;
  /** The table of the batch it belongs to; null outside of batches. */
  batch: PythonNode | null;
  /** Schema of the batch. */
  batchSchema: PythonNode | null;
}

/** An argument by position or keyword, as `op` takes it. */
export function argument({ call }: Operation, position: number, keyword: string): PythonNode | null {
  return call.positional[position] ?? call.keywords.get(keyword) ?? null;
}

/** The n-th argument after the table, which a batch leaves out. */
export function inTable(operation: Operation, position: number, keyword: string): PythonNode | null {
  return argument(operation, operation.batch === null ? position + 1 : position, keyword);
}

export function tableFrom(operation: Operation, keyword: string, position: number): TableName | null {
  return named(operation, operation.batch ?? argument(operation, position, keyword));
}

/** null = its name is computed. */
export function named(operation: Operation, node: PythonNode | null): TableName | null {
  const { file, call, batch, batchSchema } = operation;
  const name = node === null ? null : staticName(file, node);
  if (name === null) return null;
  const schema =
    batch === null ? (call.keywords.get('schema') ?? call.keywords.get('source_schema')) : batchSchema;
  if (schema === undefined || schema === null || schema.name === 'None') return { schema: null, name };
  const text = staticText(file, schema);
  return text === null ? null : { schema: text.text, name };
}

/** A string, or one inside `op.f(…)`. */
function staticName(file: PythonFile, node: PythonNode): string | null {
  const found = resolve(file, node);
  if (found.name === 'CallExpression') {
    const call = readCall(file, found);
    const [first] = call.positional;
    return call.path.at(-1) === 'f' && first !== undefined ? staticName(file, first) : null;
  }
  return staticText(file, found)?.text ?? null;
}

export function plain({ file }: Operation, node: PythonNode | null): string {
  if (node === null || node.name === 'None') return '?';
  return staticName(file, node) ?? textOf(file, node).slice(0, 40);
}

export function shown(table: TableName | null): string {
  return table === null ? '(a computed name)' : tableText(table);
}

export function callName(file: PythonFile, node: PythonNode): string | null {
  const found = resolve(file, node);
  return found.name === 'CallExpression' ? calledName(readCall(file, found)) : null;
}

/** undefined = not given, null = not True or False. */
export function flag({ file, call }: Operation, keyword: string): boolean | null | undefined {
  return call.keywords.has(keyword) ? boolean(file, call, keyword, false) : undefined;
}

/** True, or computed. */
export function mayBe({ file, call }: Pick<Operation, 'file' | 'call'>, keyword: string): boolean {
  return boolean(file, call, keyword, false) !== false;
}

export function boolean(
  file: PythonFile,
  call: PythonCall,
  keyword: string,
  otherwise: boolean,
): boolean | null {
  const node = call.keywords.get(keyword);
  if (node === undefined) return otherwise;
  const text = textOf(file, resolve(file, node));
  return text === 'True' ? true : text === 'False' ? false : null;
}
