/** What is built: images or a folder, where it is pushed, and the versioned-release block. */
import { z } from 'zod';
import { choose, closed, kinds, named, uniqueList } from './schema-words.js';
import {
  command,
  imageRepository,
  repositoryPath,
  secret,
  text,
  textOrReference,
  word,
} from './schema-values.js';

const platform = z.string().regex(/^[a-z0-9]+\/[a-z0-9]+(\/v[0-9])?$/, {
  error: 'must be a platform such as linux/amd64',
});

/** With a tag or a digest as a rule: it runs in the build. */
const scannerImage = z.string().regex(/^[a-z0-9][A-Za-z0-9._:/@-]{0,254}$/, {
  error: 'must be true, false or the image of a scanner, such as docker/buildkit-syft-scanner:1.10',
});

/** The short form gives the same type as the long one. */
const shortImage = imageRepository.transform((repository) => imageObject.parse({ repository }));

const imageObject = kinds(
  'an image',
  {
    repository: {
      repository: imageRepository,
      /** Folder the build sees; default `.`. */
      context: repositoryPath('pipeline').optional(),
      /** Default: `Dockerfile` in the context. */
      dockerfile: repositoryPath('pipeline').optional(),
      target: word('build stage', 'release').optional(),
      platforms: uniqueList(platform).min(1).optional(),
      cache: z.enum(['registry', 'github', 'none']).optional(),
      provenance: z.boolean().optional(),
      /** `true`: by BuildKit's own scanner; or the image of another one. */
      sbom: choose((value) => typeof value === 'boolean', z.boolean(), scannerImage).optional(),
      'build-args': z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), text('release')).optional(),
    },
    folder: {
      /** A folder of the commit instead of an image. */
      folder: repositoryPath('pipeline'),
    },
  },
  {},
);

/** `image: ghcr.io/acme/app`, `{repository: …, …}` or `{folder: site}`. */
export const image = choose((value) => typeof value === 'string', shortImage, imageObject);

export const images = named('an image', image);

export const registry = closed({
  /** Default: the first image's host. */
  server: z
    .string()
    .regex(/^[A-Za-z0-9.-]+(:[0-9]{1,5})?$/, { error: 'must be a registry host such as ghcr.io' })
    .optional(),
  username: textOrReference('release'),
  password: secret('release'),
});

export const tagTemplate = text('tag').superRefine((value, context) => {
  if (/^[A-Za-z0-9_.{}-]{1,200}$/.test(value)) return;
  context.addIssue({ code: 'custom', message: 'is no image tag: letters, digits, . _ - and {names} only' });
});

const gateName = z.string();

/** Versioned releases: bump, changelog, GitHub release, publishing. */
export const release = closed({
  version: z.enum(['semver']).optional(),
  'version-files': uniqueList(repositoryPath('pipeline')).optional(),
  /** Run once, before the build. */
  gates: uniqueList(gateName).optional(),
  force: closed({ group: word('group', 'release'), gates: uniqueList(gateName).min(1) }).optional(),
  changelog: closed({
    from: z.array(z.enum(['pull-requests', 'issues', 'commits'])).min(1),
    categories: z.record(z.string().min(1), z.array(z.string().min(1)).min(1)),
  }).optional(),
  'github-release': closed({
    drafts: z.enum(['prereleases', 'all', 'none']).optional(),
    attach: z.array(z.string().min(1)).optional(),
  }).optional(),
  publish: z
    .array(
      closed({
        run: command('release'),
        when: z.enum(['stable', 'always']).optional(),
        secrets: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), secret('release')).optional(),
      }),
    )
    .optional(),
  'hotfix-branch': text('release').optional(),
});
