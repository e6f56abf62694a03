/** SQL as it stands in a file: which part of it goes forward, and in which line of the file each statement is. */

/** SQL put together from places of a file; a `.sql` file is one piece. */
export interface SqlText {
  text: string;
  pieces: SqlPiece[];
}

export interface SqlPiece {
  /** Bytes from the start of the text. */
  at: number;
  /** Line of the file in which the piece begins. */
  line: number;
  /** Line breaks of the text are line breaks of the file. */
  verbatim: boolean;
}

export function sqlOfFile(content: string): SqlText {
  const text = blankDownSections(content.replace(/^\uFEFF/, ''));
  return { text, pieces: [{ at: 0, line: 1, verbatim: true }] };
}

/** Byte offset → line of the file. */
export function lineFinder({ text, pieces }: SqlText): (at: number) => number {
  const breaks = offsetsOfBreaks(Buffer.from(text));
  return (at) => {
    const piece = pieces.findLast((each) => each.at <= at);
    if (piece === undefined) return 1;
    return piece.verbatim ? piece.line + countBelow(breaks, at) - countBelow(breaks, piece.at) : piece.line;
  };
}

/** In bytes of a buffer, in characters of a string. */
export function offsetsOfBreaks(text: Buffer | string): number[] {
  const breaks: number[] = [];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) breaks.push(at);
  return breaks;
}

/** How many of the sorted numbers are below the limit. */
export function countBelow(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Tools that keep both directions in one file tell them apart by lines like these, wherever they stand. */
const MARKERS = [
  { up: /^--\s*\+goose Up(\s|$)/, down: /^--\s*\+goose Down(\s|$)/ },
  { up: /^-- \+migrate Up(\s|$)/, down: /^-- \+migrate Down(\s|$)/ },
  { up: /^--\s*migrate:up(\s|$)/, down: /^--\s*migrate:down(\s|$)/ },
];

/**
 * The way back becomes empty lines. A `down` counts only after an `up` of the same tool: alone it is a comment, and
 * what follows it would run.
 */
function blankDownSections(text: string): string {
  const lines = text.split('\n');
  const tools = MARKERS.filter(({ up, down }) => {
    const first = lines.findIndex((line) => up.test(line));
    return first >= 0 && lines.findIndex((line) => down.test(line)) > first;
  });
  const [tool] = tools;
  // the marks of two tools: whichever runs the file takes those of the other for comments
  if (tool === undefined || tools.length > 1) return text;
  let isDown = false;
  return lines
    .map((line) => {
      if (tool.up.test(line)) isDown = false;
      if (tool.down.test(line)) isDown = true;
      return isDown ? '' : line;
    })
    .join('\n');
}
