/** Why a build ended without an image: something to correct, or something that may pass. */
import { ApplicationFailure } from '@temporalio/common';
import type { ImageArtifact } from '../../pipeline/plan.js';
import { refused } from '../failure.js';
import { normalPlatform } from '../registry/platform-names.js';

const STEP_FAILED =
  /did not complete successfully|dockerfile parse error|failed to read dockerfile|failed to compute cache key|target stage .* could not be found/i;
const LOGIN =
  /\b401\b|unauthorized|\b403\b|denied|forbidden|insufficient_scope|authorization failed|no basic auth credentials/i;
/** Image and cache are pushed at once and share layers: a registry may lose the race between two uploads of one. */
const UPLOAD_RACE = /digest did not match uploaded content|blob unknown|blob upload (unknown|invalid)/i;
const MAY_PASS =
  /\b429\b|toomanyrequests|too many requests|\b5\d\d (internal|bad|service|gateway)|status: 5\d\d|unexpected status.*\b5\d\d\b|connection refused|connection reset|no such host|i\/o timeout|tls handshake timeout|unexpected eof|\beof$|cannot connect to the docker daemon|deadline exceeded|server misbehaving|broken pipe|transport is closing/im;

export interface BuildFacts {
  /** Whom the registry knows; null = there was no login. */
  username: string | null;
  /** Platforms that the builder runs commands for; empty = unknown. */
  builds: readonly string[];
}

/** `tail` is scrubbed output of the build. */
export function explainBuild(image: ImageArtifact, tail: string, { username, builds }: BuildFacts): Error {
  const where = `image ${image.name} (${image.repository})`;
  const why = tail.trim();
  const reason = lastError(why);
  const foreign = findForeign(image, why, builds);
  if (foreign.length > 0) {
    const architectures = foreign.map((platform) => platform.split('/')[1]);
    return refused({
      what: `the build runs commands for ${foreign.join(' and ')}, and its builder cannot: ${reason}`,
      where,
      why,
      wayOut: `let the builder emulate: docker run --privileged --rm tonistiigi/binfmt --install ${architectures.join(',')} where it runs (in GitHub Actions docker/setup-qemu-action), add a node of that platform to it, or take ${foreign.join(', ')} out of platforms`,
    });
  }
  if (STEP_FAILED.test(reason)) {
    return refused({
      what: `the build failed: ${reason}`,
      where,
      why,
      wayOut: `correct ${image.dockerfile} or what it builds, commit, and release that`,
    });
  }
  if (MAY_PASS.test(reason) || UPLOAD_RACE.test(reason)) {
    return ApplicationFailure.create({
      type: 'BuildInterrupted',
      nonRetryable: false,
      message: `${where}: ${reason}`,
      details: [{ why: why.slice(-2048) }],
    });
  }
  if (LOGIN.test(reason)) {
    return refused({
      what: `the registry does not let ${username ?? 'anyone without a login'} do this: ${reason}`,
      where,
      why,
      wayOut:
        username === null
          ? 'give the pipeline file registry: {username, password: env:NAME}'
          : `check registry.password and that ${username} may push to ${image.repository} and pull the base images`,
    });
  }
  return refused({
    what: `the build failed: ${reason}`,
    where,
    why,
    wayOut: 'read why above; slipway release tries again',
  });
}

/** Platforms whose commands the builder's machine does not understand; empty = the build failed of something else. */
function findForeign({ platforms }: ImageArtifact, why: string, builds: readonly string[]): string[] {
  if (!/exec format error/i.test(why)) return [];
  // the step that failed is told once more at the end; one of `FROM scratch` does not say its platform
  const [, step] = /^ > \[([a-z0-9]+\/[a-z0-9/]+) [^\]]*\]/m.exec(why) ?? [];
  const asked = step === undefined ? platforms.map(normalPlatform) : [normalPlatform(step)];
  return asked.filter((platform) => !builds.includes(platform));
}

/** buildx ends with `ERROR: failed to solve: …`. */
function lastError(tail: string): string {
  const lines = tail.split('\n').map((line) => line.trim());
  const at = lines.findLastIndex((line) => /^(ERROR|error)\b/.test(line));
  // a registry's answers follow `errors:`, a line each
  const found =
    at >= 0
      ? lines
          .slice(at, lines[at]?.endsWith(':') === true ? undefined : at + 1)
          .join(' ')
          .trim()
      : lines.findLast((line) => line !== '');
  return (found ?? 'it ended without a word').replace(/^ERROR:\s*/i, '').slice(0, 400);
}
