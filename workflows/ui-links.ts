/** Links from one run's page to another's: by path, so they hold behind every address of the UI. */
import { workflowInfo } from '@temporalio/workflow';

export interface UiLink {
  text: string;
  path: string;
}

/** With a run id straight to its User Metadata tab; without one to whatever run has this id by then. */
export function linkToRun(text: string, workflowId: string, runId: string | null = null): UiLink {
  const { namespace } = workflowInfo();
  const run = runId === null ? '' : `/${runId}/user-metadata`;
  return {
    text,
    path: `/namespaces/${encode(namespace)}/workflows/${encode(workflowId)}${run}`,
  };
}

/** No bracket in an id ends the link. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('(', '%28').replaceAll(')', '%29');
}
