/** Platforms as registries, engines and people write them: `linux/arm64/v8`, `linux` and `aarch64`. Pure. */

export interface PlatformParts {
  os: string;
  /** As Go or as `uname -m` has it: `arm64`, `aarch64`. */
  architecture: string;
  variant?: string;
}

/** What `uname -m` and older Dockers say, and the variant that an architecture has when none is named. */
const ALIASES: Record<string, readonly [architecture: string, variant: string]> = {
  x86_64: ['amd64', ''],
  'x86-64': ['amd64', ''],
  aarch64: ['arm64', ''],
  i386: ['386', ''],
  i686: ['386', ''],
  arm: ['arm', 'v7'],
  armhf: ['arm', 'v7'],
  armv7l: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  armv6l: ['arm', 'v6'],
};
/** The same as no variant. */
const PLAIN: Record<string, string> = { amd64: 'v1', arm64: 'v8' };

/** `linux/arm64`, one text for one platform; null where it is not known (attestations say `unknown`). */
export function platformOf({ os, architecture, variant = '' }: PlatformParts): string | null {
  const [system, word] = [os.toLowerCase(), architecture.toLowerCase()];
  if ([system, word].some((part) => part === '' || part === 'unknown')) return null;
  const [known, usual] = ALIASES[word] ?? [word, ''];
  const exact = variant.toLowerCase().replace(/^(?=[0-9])/, 'v') || usual;
  return [system, known, ...(exact === '' || exact === PLAIN[known] ? [] : [exact])].join('/');
}

/** Of a platform as the pipeline file has it. */
export function normalPlatform(written: string): string {
  const [os = '', architecture = '', variant] = written.split('/');
  return platformOf({ os, architecture, ...(variant === undefined ? {} : { variant }) }) ?? written;
}

/** `linux/amd64, linux/arm64`. */
export function describePlatforms(platforms: readonly (string | null)[]): string {
  return platforms.map((platform) => platform ?? 'an unknown one').join(', ') || 'none';
}
