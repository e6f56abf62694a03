/** A secret is named, never written: where a worker finds it. */

/** `env:NAME`, `file:/path`, `age:file#key`, `sops:file#key` or `vault:kv/path#field`: resolved in activities only. */
export type SecretReference = string;

/** Plain text, or a secret reference where the file allows one (`hosts: [env:PROD_HOST]`). */
export type TextOrReference = string;

const SECRET_SCHEMES = ['env', 'file', 'age', 'sops', 'vault'] as const;
export type SecretScheme = (typeof SECRET_SCHEMES)[number];

const FORMS: Record<SecretScheme, RegExp> = {
  env: /^env:[A-Za-z_][A-Za-z0-9_]*$/,
  file: /^file:\/[^\s#]+$/,
  age: /^age:[^\s#]+(#[^\s#]+)?$/,
  sops: /^sops:[^\s#]+#[^\s#]+$/,
  vault: /^vault:[^\s#]+#[^\s#]+$/,
};

export const REFERENCE_FORMS = 'env:NAME, file:/path, age:file#key, sops:file#key or vault:kv/path#field';

/** The scheme a text claims to have (`env:` and so on), or null for plain text. */
export function schemeOf(text: string): SecretScheme | null {
  return SECRET_SCHEMES.find((scheme) => text.startsWith(`${scheme}:`)) ?? null;
}

/** Is this a well-formed reference? Templates inside it must have been rendered, or stand for one word. */
export function isSecretReference(text: string): boolean {
  const scheme = schemeOf(text);
  return scheme !== null && FORMS[scheme].test(text.replaceAll(/\{[A-Za-z0-9-]+\}/g, 'X'));
}
