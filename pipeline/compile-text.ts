/** Renders the texts of one environment (or of the release) with what is known at compile time. */
import { upperName } from './environment-settings.js';
import type { FilePath } from './file-error.js';
import type { LoadedFile } from './load-pipeline.js';
import type { CommitFacts, ReleaseRef } from './plan.js';
import { refusePlan } from './plan-refused.js';
import { toTagText } from './render-tags.js';
import {
  RUN_NAMES,
  findUnsafeValue,
  renderTemplate,
  TemplateWithoutValue,
  type TemplateValues,
} from './templates.js';
import { parseVersion } from './versions.js';

export interface ReleaseFacts {
  pipeline: string;
  commit: CommitFacts;
  ref: ReleaseRef;
  version: string;
}

/** Values of the compile-time names; null where this release has none. */
export function releaseValues(facts: ReleaseFacts): TemplateValues {
  const parsed = parseVersion(facts.version);
  const part = (key: 'major' | 'minor' | 'patch'): string | null =>
    parsed.ok ? String(parsed.version[key]) : null;
  return {
    pipeline: facts.pipeline,
    sha: facts.commit.sha,
    sha7: facts.commit.sha.slice(0, 7),
    branch: facts.ref.kind === 'branch' ? facts.ref.name : null,
    version: facts.version,
    commit: facts.commit.sha,
    major: part('major'),
    minor: part('minor'),
    patch: part('patch'),
    pr: null,
  };
}

export function environmentValues(facts: ReleaseFacts, environment: string): TemplateValues {
  return { ...releaseValues(facts), environment, ENVIRONMENT: upperName(environment) };
}

/** In tags `{version}` is a version and nothing else, and every value fits a tag. */
export function tagValues(facts: ReleaseFacts, environment: string): TemplateValues {
  const values = { ...environmentValues(facts, environment) };
  if (facts.ref.kind !== 'tag')
    Object.assign(values, { version: null, major: null, minor: null, patch: null });
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value === null ? null : toTagText(value)]),
  );
}

export class TextCompiler {
  constructor(
    private readonly file: LoadedFile,
    private readonly values: TemplateValues,
  ) {}

  /** `slipway.yaml:12:5` of a key. */
  where(path: FilePath): string {
    const { line, column } = this.file.positionOf(path);
    return `${this.file.name}:${line}:${column}`;
  }

  with(values: TemplateValues): TextCompiler {
    return new TextCompiler(this.file, { ...this.values, ...values });
  }

  /** Everything rendered. Throws PlanRefused for a name without a value, and for a branch that is more than a word. */
  text(template: string, path: FilePath): string {
    return this.textKeeping(template, path, []);
  }

  /** `{colour}` stays: the text is asked of one colour at a time. */
  colourText(template: string, path: FilePath): string {
    return this.textKeeping(template, path, ['colour']);
  }

  /** As it is, whatever is in it: for what travels as an argument of its own and is read by nobody but its receiver. */
  verbatim(template: string, path: FilePath): string {
    return this.render(template, path, []);
  }

  /** A shell command: run-time names stay, values are checked against what a shell reads. */
  command(template: string, path: FilePath, keep: readonly string[] = RUN_NAMES): string {
    const known = Object.fromEntries(Object.entries(this.values).filter(([name]) => !keep.includes(name)));
    this.requireHarmless(template, known, path);
    return this.render(template, path, keep);
  }

  optional(template: string | undefined, path: FilePath): string | null {
    return template === undefined ? null : this.text(template, path);
  }

  optionalCommand(template: string | undefined, path: FilePath, keep?: readonly string[]): string | null {
    return template === undefined ? null : this.command(template, path, keep);
  }

  record(
    templates: Readonly<Record<string, string>> | undefined,
    path: FilePath,
    keep: readonly string[] = [],
  ): Record<string, string> {
    return Object.fromEntries(
      Object.entries(templates ?? {}).map(([key, template]) => [
        key,
        this.textKeeping(template, [...path, key], keep),
      ]),
    );
  }

  /** A branch is named by whoever pushes it: in an address, a query or a file name it could mean something else. */
  private textKeeping(template: string, path: FilePath, keep: readonly string[]): string {
    this.requireHarmless(template, { branch: this.values['branch'] ?? null }, path);
    return this.render(template, path, keep);
  }

  private requireHarmless(template: string, values: TemplateValues, path: FilePath): void {
    const unsafe = findUnsafeValue(template, values);
    if (unsafe === null) return;
    throw refusePlan(
      `{${unsafe.name}} is ${JSON.stringify(unsafe.value)}, which a shell or an address could read as something else`,
      this.where(path),
      `use letters, digits and . _ : @ / + = , - in it, or leave {${unsafe.name}} out`,
    );
  }

  private render(template: string, path: FilePath, keep: readonly string[]): string {
    try {
      return renderTemplate(template, this.values, keep);
    } catch (error) {
      if (!(error instanceof TemplateWithoutValue)) throw error;
      throw refusePlan(
        `${error.message} in this release`,
        this.where(path),
        `leave {${error.templateName}} out, or use it only where it has a value (docs/pipeline-file.md#templates)`,
      );
    }
  }
}
