/** The command line of a program of this folder. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

type AnyOptions = NonNullable<ParseArgsConfig['options']>;
type Values<Options extends AnyOptions> = ReturnType<typeof parseArgs<{ options: Options }>>['values'];

/** Ends the program with 2, what is wrong and `usage` when something else than `options` was given. */
export function optionsGiven<const Options extends AnyOptions>(
  usage: string,
  options: Options,
): Values<Options> {
  try {
    return parseArgs<{ options: Options }>({ options }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}
