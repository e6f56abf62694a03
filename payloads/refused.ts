/** Stands for a payload that was refused, until somebody who knows what it was meant for makes a failure of it. */
export class Refused {
  constructor(readonly refused: string) {}
}

/** The SDK's converters name the type they wait for; this takes its place. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as the SDK's own signature has it
export function instead<T>(value: unknown): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever reads it looks for this first
  return value as T;
}
