/** Of the plan: the hosts of an environment, the way to them, and what runs there. Persisted like the rest of it. */
import type { SecretReference, TextOrReference } from './secret-references.js';

export interface HostPlan {
  /** What screens call it: the address, or the reference where that is a secret. */
  name: string;
  /** `host`, `user@host`, `user@host:port` or a reference to one of these; `local` runs on the worker itself. */
  address: TextOrReference;
}

export interface SshPlan {
  user: TextOrReference | null;
  port: number | null;
  /** Private key (its text or a path), a reference; null = the worker's SSH agent, then ~/.ssh/id_*. */
  key: SecretReference | null;
  /** known_hosts file inside the repository at the commit (its text is put here by the compiler); null = the worker's own. */
  knownHosts: string | null;
  /** Jump hosts, nearest first: `user@bastion:22`. */
  jump: TextOrReference[];
}

export type PlatformPlan =
  | { kind: 'swarm'; service: string; fields: Record<string, string> }
  | {
      kind: 'stack';
      /** Text of the stack file at the commit, one per colour (`in-place` has only `live`). */
      files: PerColour;
      /** Stack name, one per colour. */
      names: PerColour;
    }
  | {
      kind: 'command';
      command: string;
      inspect: string | null;
      restore: string | null;
      /** Stops the idle colour when it is no longer needed. */
      retire: string | null;
      /** Prints the newest lines of the service's log; absent = nobody knows where it is. */
      logs?: string;
      on: 'host' | 'worker';
    }
  | {
      kind: 'compose';
      /** The team's folder on the host; `{colour}` is filled in when it is known. */
      folder: string;
      /** Path of the compose file in the repository; null = what is in the folder. */
      file: string | null;
      /** Its text at the commit, one per colour; absent where there is no `file`, and in older plans. */
      files?: PerColour;
      /** Empty = all. */
      services: string[];
    }
  | {
      kind: 'kubernetes';
      resource: string;
      container: string | null;
      namespace: string | null;
      kubeconfig: SecretReference | null;
    }
  | {
      kind: 'helm';
      chart: string;
      release: string;
      namespace: string | null;
      set: Record<string, string>;
      kubeconfig: SecretReference | null;
    };

/** A value per colour; `live` is the one used when there are no colours. */
export interface PerColour {
  live: string;
  blue: string;
  green: string;
}
