/** Bytes of `slipway.yaml` or `policy.yaml` → a parsed and checked file, or every error in it. Pure. */
import type { z } from 'zod';
import { checkMeaning } from './check-meaning.js';
import { checkPolicy } from './check-policy.js';
import { explainIssue, type Finding } from './explain-issue.js';
import type { FileError, FilePath } from './file-error.js';
import { pipelineFile, type PipelineFile } from './pipeline-file.js';
import { policyFile, type Policy } from './policy-file.js';
import { readYaml } from './yaml-source.js';

/** A valid file that still knows where its keys stand. */
export interface LoadedFile<Content = PipelineFile> {
  /** As people call it: `slipway.yaml`. */
  name: string;
  content: Content;
  /** Where the key at `path` stands, or the nearest key above it. */
  positionOf(path: FilePath): { line: number; column: number };
  /** An error that points at the value at `path`. */
  errorAt(path: FilePath, message: string, suggestion?: string | null): FileError;
}

export type LoadResult<Content = PipelineFile> =
  { ok: true; file: LoadedFile<Content> } | { ok: false; errors: FileError[] };

const MAX_ERRORS = 50;

/** Never throws for bad input: all errors come back together, in the order of the file. */
export function loadPipeline(bytes: Uint8Array, fileName: string): LoadResult {
  const begin = 'the smallest file is in docs/pipeline-file.md, and slipway init writes one';
  return loadFile(bytes, fileName, pipelineFile, checkMeaning, begin);
}

/** As `loadPipeline`, for `policy.yaml`. */
export function loadPolicy(bytes: Uint8Array, fileName: string): LoadResult<Policy> {
  const begin = 'one to begin with is in docs/policy.md, and slipway policy check reads it';
  return loadFile(bytes, fileName, policyFile, checkPolicy, begin);
}

function loadFile<Content>(
  bytes: Uint8Array,
  fileName: string,
  schema: z.ZodType<Content>,
  findProblems: (content: Content) => Finding[],
  whereToBegin: string,
): LoadResult<Content> {
  const yaml = readYaml(bytes, fileName, whereToBegin);
  if (!yaml.ok) return yaml;
  const { source } = yaml;
  const parsed = schema.safeParse(source.value);
  const findings = parsed.success
    ? findProblems(parsed.data)
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
