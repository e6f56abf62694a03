/** `{host}`: what is asked of each host by itself. */
import type { HostPlan } from './plan-platform.js';
import { refusePlan } from './plan-refused.js';
import { isSecretReference } from './secret-references.js';

/** Screens call a host by its address, or by the reference where that is nobody's business. */
export function toHost(address: string): HostPlan {
  return { name: address, address };
}

/**
 * What `{host}` is: `web-1.example.com` of `deploy@web-1.example.com:22`. `asker` names what has it. Throws PlanRefused
 * for an address that only workers know.
 */
export function valueOfHost({ address }: HostPlan, asker: string, where: string): string {
  if (isSecretReference(address))
    throw refusePlan(
      `${asker} is about each {host}, and ${address} is known to the worker only`,
      where,
      'write the address of the host into hosts, or leave {host} out',
    );
  return address === 'local' ? 'localhost' : address.replace(/^.*@/, '').replace(/:[0-9]+$/, '');
}
