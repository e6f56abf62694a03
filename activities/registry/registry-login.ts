import type { RegistryLogin } from '../../pipeline/plan.js';
import { isReference, type Secrets } from '../secrets/secrets.js';
import type { RegistryCredentials } from './registry-token.js';

export interface LoginDependencies {
  secrets: Secrets;
  /** Registries without TLS beside loopback: `host`, `host:port` or `10.0.0.0/8`. */
  insecureRegistries: readonly string[];
}

/** The pipeline's registry login with its values; null when it has none. Refused when a secret is missing. */
export async function loginOf(
  deps: LoginDependencies,
  login: RegistryLogin | null,
): Promise<RegistryCredentials | null> {
  if (login === null) return null;
  const { server, username, password } = login;
  return {
    server,
    username: isReference(username) ? await deps.secrets.resolve(username, 'name') : username,
    password: await deps.secrets.resolve(password),
  };
}
