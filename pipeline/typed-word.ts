/** Commands in messages are copied into shells: a name that is somebody else's must stay one word there. */

/** A word of a command that people are told to type. */
export function typedWord(word: string): string {
  return /^[A-Za-z0-9._/:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
