/** The JSON of pip-licenses (`--format=json`). */
import { z } from 'zod';
import { readJson } from './json.js';
import { UnreadableReport, type ReportFacts } from './report.js';

const list = z.array(
  z.object({ Name: z.string().min(1), Version: z.string().nullish(), License: z.string().min(1) }),
);

export function readPipLicenses(json: string): ReportFacts {
  const packages = readJson(json, list, 'a list of pip-licenses (--format=json)');
  if (packages.length === 0)
    throw new UnreadableReport('has no package in it: was it run in the right environment?');
  return {
    about: 'licences',
    packages: packages.map(({ Name, Version, License }) => ({
      name: Name,
      version: Version ?? null,
      licence: License,
    })),
  };
}
