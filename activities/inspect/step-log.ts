/** The log a step's long command kept on its host. */
import type { Host } from '../hosts/host.js';

export interface StepLogQuestion {
  pipeline: string;
  environment: string;
  /** `deploy`, `undo`, … : a word of the operation's id. */
  step: string;
  lines: number;
  timeoutMs: number;
}

/** Pure: argv that prints the newest journal whose operation names the step. Arguments stay arguments. */
export function stepLogCommand({ pipeline, environment, step, lines }: StepLogQuestion): string[] {
  const script = [
    'cd "$HOME/.slipway/journal/$1/$2" 2>/dev/null || exit 0',
    'newest=$(ls -t | grep -F -- "$3" | head -n 1)',
    '[ -z "$newest" ] || tail -n "$4" -- "$newest/log"',
  ].join('\n');
  return ['sh', '-c', script, 'slipway-log', pipeline, environment, step, String(lines)];
}

/** Empty when no such step ran there. Rejects when the host cannot be asked. */
export async function readStepLog(host: Host, question: StepLogQuestion): Promise<string> {
  const { stdout } = await host.run({ argv: stepLogCommand(question), timeoutMs: question.timeoutMs });
  return stdout;
}
