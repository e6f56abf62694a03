/** Places of a pipeline file about which there is something to say, with their lines. */
import { formatPath, type FilePath } from './file-error.js';
import type { LoadedFile } from './load-pipeline.js';

export interface FindingInFile {
  what: string;
  /** `environments.prod.platform`. */
  path: string;
  file: string;
  line: number;
  column: number;
  wayOut: string;
}

export type Report = (what: string, path: FilePath, wayOut: string) => void;

/** What `find` reports, the same thing at the same place once, in the order of the file. */
export function findingsIn(file: LoadedFile, find: (report: Report) => void): FindingInFile[] {
  const found = new Map<string, FindingInFile>();
  find((what, path, wayOut) => {
    const { line, column } = file.positionOf(path);
    const place = { path: formatPath(path), file: file.name, line, column };
    found.set(`${what}\0${path.join('\0')}`, { what, ...place, wayOut });
  });
  return [...found.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}
