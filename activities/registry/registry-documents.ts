/** The JSON a registry hands out, as far as Slipway reads it. Each function gives null for anything else. */
import { z } from 'zod';

/** Empty = it does not say, or not in a way that anybody understands. */
const platform = {
  os: z.string().catch(''),
  architecture: z.string().catch(''),
  variant: z.string().catch(''),
};

const manifest = z.object({
  manifests: z
    .array(z.looseObject({ digest: z.string(), platform: z.looseObject(platform).optional() }))
    .optional(),
  config: z.object({ digest: z.string() }).optional(),
  // anybody may have written them
  annotations: z.record(z.string(), z.string()).nullish().catch(null),
});
export type ManifestJson = z.output<typeof manifest>;

const imageConfig = z.object({
  ...platform,
  config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});

const tokenAnswer = z.object({
  token: z.string().min(1).optional(),
  access_token: z.string().min(1).optional(),
});

export function parseManifest(bytes: Uint8Array): ManifestJson | null {
  return manifest.safeParse(parseJson(bytes)).data ?? null;
}

export function parseImageConfig(bytes: Uint8Array): z.output<typeof imageConfig> | null {
  return imageConfig.safeParse(parseJson(bytes)).data ?? null;
}

export function parseToken(bytes: Uint8Array): string | null {
  const parsed = tokenAnswer.safeParse(parseJson(bytes));
  return parsed.data?.token ?? parsed.data?.access_token ?? null;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
}
