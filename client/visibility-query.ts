/** A text in a query of Temporal's list: names and ids are other people's. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
