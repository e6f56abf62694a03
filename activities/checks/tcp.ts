/** `{tcp: redis:6379}`: can a connection be made, from the worker or from inside a container of the environment? */
import net from 'node:net';
import type { CheckPlan } from '../../pipeline/plan.js';
import { failed, inconclusive, passed, type CheckContext, type CheckOnce, type Finding } from './check.js';
import { connectInside } from './tcp-inside.js';

type TcpPlan = Extract<CheckPlan, { kind: 'tcp' }>;

const NOT_ASKED = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'ENETDOWN', 'EMFILE']);

export const askTcpCheck: CheckOnce<TcpPlan> = (plan, context) =>
  plan.inside === null ? connectFromWorker(plan, context) : connectInside(plan, plan.inside, context);

function connectFromWorker(plan: TcpPlan, { signal }: CheckContext): Promise<Finding> {
  const shown = `${plan.host}:${plan.port}`;
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: plan.host, port: plan.port, signal });
    const end = (finding: Finding): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(finding);
    };
    const timer = setTimeout(() => {
      end(failed(`${shown}: no connection within ${plan.timeoutMs / 1000}s`));
    }, plan.timeoutMs);
    socket.once('connect', () => {
      end(passed(`${shown} connected in ${Math.round(performance.now() - startedAt)}ms`));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) {
        clearTimeout(timer);
        reject(error);
        return;
      }
      const said = NOT_ASKED.has(error.code ?? '') ? inconclusive : failed;
      end(said(`${shown}: ${error.message || (error.code ?? 'no connection')}`));
    });
  });
}
