/** Bytes of `slipway.yaml` → a parsed and checked file, or every error in it. Pure. */
import { checkMeaning } from './check-meaning.js';
import { explainIssue, type Finding } from './explain-issue.js';
import type { FileError, FilePath } from './file-error.js';
import { pipelineFile, type PipelineFile } from './pipeline-file.js';
import { readYaml } from './yaml-source.js';

/** A valid pipeline file that still knows where its keys stand. */
export interface LoadedFile {
  /** As people call it: `slipway.yaml`. */
  name: string;
  content: PipelineFile;
  /** Where the key at `path` stands, or the nearest key above it. */
  positionOf(path: FilePath): { line: number; column: number };
  /** An error that points at the value at `path`. */
  errorAt(path: FilePath, message: string, suggestion?: string | null): FileError;
}

export type LoadResult = { ok: true; file: LoadedFile } | { ok: false; errors: FileError[] };

const MAX_ERRORS = 50;

/** Never throws for bad input: all errors come back together, in the order of the file. */
export function loadPipeline(bytes: Uint8Array, fileName: string): LoadResult {
  const yaml = readYaml(bytes, fileName);
  if (!yaml.ok) return yaml;
  const { source } = yaml;
  const parsed = pipelineFile.safeParse(source.value);
  const findings: Finding[] = parsed.success
    ? checkMeaning(parsed.data)
    : parsed.error.issues.map((issue) => explainIssue(issue, source.value));
  for (const finding of findings) if (finding.secret) source.mask(source.rangeOf(finding.path, 'value'));
  const errors = findings
    .map(({ path, message, suggestion, at }) =>
      source.errorAt(source.rangeOf(path, at), path, message, suggestion),
    )
    .sort((a, b) => a.line - b.line || a.column - b.column);
  if (errors.length > 0 || !parsed.success) return { ok: false, errors: errors.slice(0, MAX_ERRORS) };
  return {
    ok: true,
    file: {
      name: fileName,
      content: parsed.data,
      positionOf: (path) => source.positionOf(path),
      errorAt: (path, message, suggestion = null) =>
        source.errorAt(source.rangeOf(path, 'value'), path, message, suggestion),
    },
  };
}
