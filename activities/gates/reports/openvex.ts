/** OpenVEX 0.2 as exceptions: of the statements about a finding, the newest counts. */
import { z } from 'zod';
import { matchesPurl } from './purl.js';
import { addTo, readEntries, type Exceptions, type Waiver } from './waiver.js';

const component = z.object({
  '@id': z.string().optional(),
  identifiers: z.object({ purl: z.string().optional() }).optional(),
});
const product = component.extend({ subcomponents: z.array(component).optional() });
const moment = z.iso.datetime({ offset: true });
const statement = z.object({
  vulnerability: z.object({ name: z.string().min(1), aliases: z.array(z.string()).optional() }),
  products: z.array(product).optional(),
  status: z.enum(['not_affected', 'affected', 'fixed', 'under_investigation']),
  justification: z.string().optional(),
  impact_statement: z.string().optional(),
  timestamp: moment.optional(),
});
const document = z.object({
  '@context': z
    .string()
    .regex(/^https:\/\/openvex\.dev\/ns\/v0\.2\.\d+$/, 'must be OpenVEX 0.2: https://openvex.dev/ns/v0.2.0'),
  author: z.string().min(1),
  timestamp: moment,
  statements: z.array(statement),
});

type Statement = z.output<typeof statement>;
type Component = z.output<typeof component>;

/** Throws UnreadableExceptions. */
export function openVex(value: unknown): Exceptions {
  const { author, timestamp, statements } = readEntries(value, document);
  const timeOf = (each: Statement): number => Date.parse(each.timestamp ?? timestamp);
  const byId = new Map<string, Statement[]>();
  for (const each of statements.toSorted((a, b) => timeOf(a) - timeOf(b)))
    for (const id of new Set([each.vulnerability.name, ...(each.vulnerability.aliases ?? [])]))
      addTo(byId, id, each);
  return {
    about({ id, purl }) {
      const last = purl === null ? undefined : byId.get(id)?.findLast((each) => concerns(each, purl));
      return last === undefined ? null : judge(last, author);
    },
  };
}

/** The package itself must be named, as the product or one of its subcomponents. */
function concerns({ products }: Statement, purl: string): boolean {
  return (products ?? []).some(({ subcomponents, ...itself }) =>
    (subcomponents ?? [itself]).some((each) => names(each, purl)),
  );
}

function names(component: Component, purl: string): boolean {
  return [component['@id'], component.identifiers?.purl].some(
    (each) => each !== undefined && matchesPurl(each, purl),
  );
}

function judge({ status, justification, impact_statement: impact }: Statement, author: string): Waiver {
  if (status !== 'not_affected' && status !== 'fixed')
    return { holds: false, says: `VEX of ${author} says ${status}` };
  const why = justification ?? impact ?? '';
  if (status === 'not_affected' && why.trim() === '')
    return { holds: false, says: `VEX of ${author} says not_affected and not why (justification)` };
  return { holds: true, says: `${status} says ${author}${why === '' ? '' : `: ${why}`}` };
}
