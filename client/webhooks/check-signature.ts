/** Is the body signed with one of our secrets? */
import { Webhooks } from '@octokit/webhooks';

export type SignatureCheck = (body: string, signature: string | null) => Promise<boolean>;

/** While a secret is being changed there are two: what GitHub signs with, and what it will sign with. */
export function createSignatureCheck(secrets: readonly string[]): SignatureCheck {
  const verifiers = secrets.map((secret) => new Webhooks({ secret }));
  return async (body, signature) => {
    if (signature === null || !/^sha256=[0-9a-f]{64}$/.test(signature) || body === '') return false;
    for (const verifier of verifiers) if (await verifier.verify(body, signature)) return true;
    return false;
  };
}
