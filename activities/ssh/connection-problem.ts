/** Why a host could not be connected to, in words for people. Becomes a failure where the environment is known. */
import type { ApplicationFailure } from '@temporalio/common';
import type { KnownHostsLine } from './known-hosts.js';
import { fingerprint, keyTypeOf, type HostKeyVerdict } from './known-hosts.js';
import { refused, unreachable } from '../failure.js';

export class ConnectionProblem extends Error {
  constructor(
    readonly what: string,
    readonly wayOut: string,
    /** `refusal`: the same again next time. `outage`: may answer later. `dropped`: worth another try at once. */
    readonly kind: 'refusal' | 'outage' | 'dropped',
    readonly why: string | null = null,
  ) {
    super(what);
    this.name = 'ConnectionProblem';
  }

  toFailure(where: string): ApplicationFailure {
    const details = { what: this.what, where, why: this.why, wayOut: this.wayOut };
    return this.kind === 'refusal' ? refused(details) : unreachable(details);
  }
}

/** Where an address is shown as people wrote it: a reference stays a reference. */
export interface Shown {
  address: string;
  /** `HOST` and `USER` where they come from a reference. */
  shownHost: string;
  shownUser: string;
  port: number;
}

export function hostKeyProblem(
  judged: Exclude<HostKeyVerdict, { verdict: 'trusted' }>,
  key: Buffer,
  shown: Shown,
  files: string[],
): ConnectionProblem {
  const offered = `${keyTypeOf(key)} ${fingerprint(key)}`;
  const scan = `ssh-keyscan ${shown.port === 22 ? '' : `-p ${shown.port} `}${shown.shownHost}`;
  const refuse = (what: string, wayOut: string): ConnectionProblem =>
    new ConnectionProblem(what, `${wayOut} (docs/hosts.md#host-keys)`, 'refusal');
  const at = (line: KnownHostsLine): string => `${line.place} has ${line.keyType} ${fingerprint(line.key)}`;
  switch (judged.verdict) {
    case 'changed':
      return refuse(
        `the host key of ${shown.address} changed: it offers ${offered}, ${at(judged.expected)}`,
        `someone may be in between; if the host was reinstalled, compare with ssh-keygen -lf there and replace that line`,
      );
    case 'revoked':
      return refuse(
        `the host key of ${shown.address} (${offered}) is revoked in ${judged.line.place}`,
        'give the host a new key and list that one',
      );
    case 'certificate-authority':
      return refuse(
        `${shown.address} is known only through a certificate authority (${judged.line.place}), which is not supported`,
        `add the host's own key: ${scan} >> ${files.at(-1) ?? 'known_hosts'}, after comparing it`,
      );
    case 'unknown':
      return refuse(
        `the host key of ${shown.address} is unknown: it offers ${offered}, and ${files.join(', ')} does not list it`,
        `compare it with ssh-keygen -lf on the host, then: ${scan} >> ${files.at(-1) ?? 'known_hosts'}`,
      );
  }
}

interface SshError extends Error {
  level?: string;
  code?: string;
}

/** What ssh2 or the socket said, as a problem. `tried` names the keys that were offered. */
export function explainConnectError(error: SshError, shown: Shown, tried: string[]): ConnectionProblem {
  const there = `${shown.address} (port ${shown.port})`;
  const network = '(docs/hosts.md#network)';
  const isAuthentication =
    error.level === 'client-authentication' || /Too many authentication failures/i.test(error.message);
  if (isAuthentication) {
    return new ConnectionProblem(
      `${shown.address} refused user ${shown.shownUser}; offered: ${tried.join(', ') || 'no key'}`,
      `add the public key to ~${shown.shownUser}/.ssh/authorized_keys there, or name another with ssh.key (docs/hosts.md#keys)`,
      'refusal',
      error.message,
    );
  }
  switch (error.code ?? '') {
    case 'ECONNREFUSED':
      return new ConnectionProblem(
        `${there} refused the connection`,
        `start sshd there or correct the port ${network}`,
        'dropped',
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConnectionProblem(
        `the name ${shown.address} cannot be resolved (${error.code})`,
        `correct the host name, or the worker's DNS ${network}`,
        'outage',
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return new ConnectionProblem(
        `there is no route to ${there}`,
        `check the network and firewalls between the worker and the host ${network}`,
        'outage',
      );
    case 'ETIMEDOUT':
      return timeoutProblem(there);
    default:
  }
  if (error.level === 'client-timeout') return timeoutProblem(there);
  if (/no matching/.test(error.message)) {
    return new ConnectionProblem(
      `${there} and the worker share no algorithm: ${error.message}`,
      'update OpenSSH on the host',
      'refusal',
      error.message,
    );
  }
  return new ConnectionProblem(
    `${there} ended the connection before it was ready: ${error.message}`,
    `tried again by itself; if it stays, look at sshd's log there (MaxStartups, sshd_config) ${network}`,
    'dropped',
    error.message,
  );
}

function timeoutProblem(there: string): ConnectionProblem {
  return new ConnectionProblem(
    `${there} does not answer`,
    'check that the host is up and that firewalls let the worker through (docs/hosts.md#network)',
    'outage',
  );
}
