/** Names and small facts out of PostgreSQL's tree. */
import type { Constraint, DefElem, Node, RangeVar } from 'libpg-query';
import { tableText, type TableName } from './new-objects.js';

export function tableOf(relation: RangeVar | undefined): TableName {
  return { schema: relation?.schemaname ?? null, name: relation?.relname ?? '?' };
}

/** `List` of strings, strings, a type or a function → its dotted name. */
export function nameParts(node: Node | undefined): string[] {
  if (node === undefined) return [];
  if ('String' in node) return [node.String.sval ?? ''];
  if ('List' in node) return (node.List.items ?? []).flatMap(nameParts);
  if ('TypeName' in node) return (node.TypeName.names ?? []).flatMap(nameParts);
  if ('ObjectWithArgs' in node) return (node.ObjectWithArgs.objname ?? []).flatMap(nameParts);
  if ('RangeVar' in node) return tableText(tableOf(node.RangeVar)).split('.');
  return [];
}

export function tableOfParts(parts: readonly string[]): TableName {
  return { schema: parts.at(-2) ?? null, name: parts.at(-1) ?? '?' };
}

export function strings(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).flatMap(nameParts);
}

/** What a statement says of itself: `LANGUAGE plpgsql`, `(FULL)`. */
export function optionsOf(nodes: readonly Node[] | undefined): DefElem[] {
  return (nodes ?? []).flatMap((each) => ('DefElem' in each ? [each.DefElem] : []));
}

/** Columns that a constraint is about. */
export function columnsOf(constraint: Constraint): string[] {
  const listed = [...strings(constraint.keys), ...strings(constraint.fk_attrs)];
  return listed.length > 0 ? listed : columnsIn(constraint.raw_expr);
}

export function columnsIn(expression: unknown): string[] {
  return [...nodesNamed(expression, 'ColumnRef')].flatMap((found) => {
    const fields: unknown = found['fields'];
    const last: unknown = Array.isArray(fields) ? fields.at(-1) : undefined;
    return isRecord(last) && isRecord(last['String']) ? [String(last['String']['sval'])] : ['*'];
  });
}

/** Every node of this kind, at any depth. */
export function* nodesNamed(tree: unknown, kind: string): Generator<Record<string, unknown>> {
  const open: unknown[] = [tree];
  while (open.length > 0) {
    const node = open.pop();
    if (Array.isArray(node)) {
      for (const each of node) open.push(each);
    } else if (isRecord(node)) {
      for (const [key, value] of Object.entries(node)) {
        if (key === kind && isRecord(value)) yield value;
        open.push(value);
      }
    }
  }
}

/** What has keys: no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
