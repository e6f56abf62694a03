/** What the new migrations have made so far: the live version does not know it, so they may do with it what they like. */

export interface TableName {
  schema: string | null;
  name: string;
}

export class NewObjects {
  private readonly tables = new Set<string>();
  private readonly temporary = new Set<string>();
  private readonly others = new Set<string>();
  private readonly volatileFunctions = new Set<string>();
  private conditional = false;

  /** `isOld`: an older migration speaks of this name, so that `IF NOT EXISTS` proves nothing. */
  constructor(private readonly isOld: (name: string) => boolean) {}

  /** Temporary tables end with their migration. */
  beginMigration(): void {
    this.temporary.clear();
  }

  /** A conditional one may not run: what it makes may have been there before. */
  beginStatement(statement: { conditional: boolean }): void {
    this.conditional = statement.conditional;
  }

  addTable(table: TableName, made: { temporary: boolean; mayBeThere: boolean }): void {
    if ((made.mayBeThere || this.conditional) && this.isOld(table.name)) return;
    if (made.temporary) this.temporary.add(keyOf(table));
    else for (const key of spellings(table)) this.tables.add(key);
  }

  /** null = its name is computed: it may be any. */
  hasTable(table: TableName | null): boolean {
    return table !== null && (this.temporary.has(keyOf(table)) || this.tables.has(keyOf(table)));
  }

  add(kind: 'column' | 'constraint' | 'index' | 'object', name: string): void {
    if (!this.conditional) this.others.add(`${kind} ${name}`);
  }

  has(kind: 'column' | 'constraint' | 'index' | 'object', name: string): boolean {
    return this.others.has(`${kind} ${name}`);
  }

  addVolatileFunction(name: string): void {
    this.volatileFunctions.add(name);
  }

  hasVolatileFunction(name: string): boolean {
    return this.volatileFunctions.has(name);
  }
}

/** `orders`, `app.orders`. */
export function tableText({ schema, name }: TableName): string {
  return schema === null ? name : `${schema}.${name}`;
}

const keyOf = ({ schema, name }: TableName): string => JSON.stringify([schema, name]);

/** Where nobody says otherwise, `orders` and `public.orders` are one table. */
function spellings({ schema, name }: TableName): string[] {
  const schemas = schema === null || schema === 'public' ? [null, 'public'] : [schema];
  return schemas.map((each) => keyOf({ schema: each, name }));
}
