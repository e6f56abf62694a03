/** A valid file from which this release cannot be planned: the ref, the request or the commit does not fit. */
export interface PlanProblem {
  what: string;
  /** `slipway.yaml:12:5`, or the ref. */
  where: string;
  wayOut: string;
  /** Page of the documentation; absent = that of releases. */
  docs?: string;
}

export class PlanRefused extends Error {
  constructor(readonly problems: readonly [PlanProblem, ...PlanProblem[]]) {
    super(problems.map((problem) => `${problem.where}: ${problem.what}; ${problem.wayOut}`).join('\n'));
    this.name = 'PlanRefused';
  }
}

export function refusePlan(what: string, where: string, wayOut: string, docs?: string): PlanRefused {
  return new PlanRefused([{ what, where, wayOut, ...(docs === undefined ? {} : { docs }) }]);
}
