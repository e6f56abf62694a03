/**
 * What is known only while a change runs: `{colour} {digest} {image} {tag} {version} {commit} {previous-tag}
 * {previous-digest}` in a team's commands, and the same as environment variables.
 */
import type { Colour } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { ReleaseRecord } from '../../workflows/result.js';
import { badInput } from '../failure.js';
import { pinnedImage } from './image-reference.js';

const NAMES = [
  'colour',
  'digest',
  'image',
  'tag',
  'version',
  'commit',
  'previous-tag',
  'previous-digest',
  'backup',
  'previous-revision',
] as const;

/** Those of a database's commands only. */
type OfDatabase = 'backup' | 'previous-revision';
export type RunTimeValues = Record<Exclude<(typeof NAMES)[number], OfDatabase>, string | null> &
  Partial<Record<OfDatabase, string>>;

/** Values may end up in shell text, so nothing a shell could interpret passes. */
const HARMLESS = /^[A-Za-z0-9._:@/+=,-]*$/;

export function runTimeValues(target: Target, colour: Colour | null = target.colour): RunTimeValues {
  const artifact = target.artifacts[0];
  const previous = target.live;
  return {
    colour,
    digest: artifact?.digest ?? null,
    image: artifact === undefined ? null : pinnedImage(artifact),
    tag: target.plan.tags[0] ?? target.version,
    version: target.version,
    commit: target.commit.sha,
    'previous-tag': previous === null ? null : tagOf(previous),
    'previous-digest': previous?.artifacts[0]?.digest ?? null,
  };
}

function tagOf(record: ReleaseRecord): string {
  return record.plan.tags[0] ?? record.version;
}

/** The same change as it was for the release before: its artifacts, version and tags. */
export function asPrevious(target: Target, previous: ReleaseRecord): Target {
  return {
    ...target,
    version: previous.version,
    commit: previous.commit,
    artifacts: previous.artifacts,
    plan: { ...target.plan, tags: previous.plan.tags },
    live: null,
  };
}

/** Braces of templates: `${name}` is the shell's and `{{name}}` another program's, as when the file is compiled. */
const TEMPLATE = /(?<![${])\{([a-z-]+)\}(?!\})/g;

/** Fills the names in; other braces are the team's. Throws BadInput when a used name has no or no harmless value. */
export function renderCommand(template: string, values: RunTimeValues, where: string): string {
  return template.replaceAll(TEMPLATE, (whole, name: string) => {
    const known = NAMES.find((each) => each === name);
    if (known === undefined) return whole;
    const value = values[known] ?? null;
    if (value === null) {
      throw badInput({
        what: `{${name}} has no value here`,
        where,
        why: template,
        wayOut: wayOutWithout(known, values),
      });
    }
    return harmless(name, value, where);
  });
}

function wayOutWithout(name: string, { colour }: RunTimeValues): string {
  if (name === 'previous-digest' && colour !== null)
    return 'what a colour held is known by what inspect prints of it: let it print the digest (sha256:…) too, or take {previous-digest} out of the command';
  return name.startsWith('previous')
    ? 'there is no earlier release: take the name out, or release once without it'
    : `take {${name}} out of the command`;
}

/** `SLIPWAY_…` and `IMAGE_TAG`; what has no value is left out. */
export function runTimeEnvironment(values: RunTimeValues, where: string): Record<string, string> {
  const named: Record<string, string | null> = {
    SLIPWAY_COLOUR: values.colour,
    SLIPWAY_DIGEST: values.digest,
    SLIPWAY_IMAGE: values.image,
    SLIPWAY_TAG: values.tag,
    SLIPWAY_VERSION: values.version,
    SLIPWAY_COMMIT: values.commit,
    // `repository:${IMAGE_TAG}` in a team's file pins the digest.
    IMAGE_TAG: values.tag === null || values.digest === null ? null : `${values.tag}@${values.digest}`,
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) =>
      value === null ? [] : [[name, harmless(name, value, where)]],
    ),
  );
}

/** `IMAGE_TAG_<NAME>` of each image where a release has several: `repository:${IMAGE_TAG_WORKER}` pins that one. */
export function imageVariables({ artifacts, plan, version }: Target): Record<string, string> {
  const images = artifacts.filter(({ kind }) => kind === 'image');
  if (images.length < 2) return {};
  const tag = harmless('tag', plan.tags[0] ?? version, plan.name);
  return Object.fromEntries(
    images.map(({ name, digest }) => [
      `IMAGE_TAG_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`,
      `${tag}@${digest}`,
    ]),
  );
}

function harmless(name: string, value: string, where: string): string {
  if (HARMLESS.test(value)) return value;
  throw badInput({
    what: `the value of ${name}, ${JSON.stringify(value.slice(0, 80))}, has characters a shell would interpret`,
    where,
    why: null,
    wayOut: 'use letters, digits and . _ : @ / + = , - in tags, versions and image names',
  });
}
