import type { StepReport } from '../../workflows/result.js';
import type { Style } from './style.js';
import { plain } from './text.js';

/** What a step found that stops nothing, below its line. */
export function warningLines(style: Style, { warnings = [] }: Pick<StepReport, 'warnings'>): string[] {
  return warnings.map((warning) => `    ${style.yellow(style.warning)} ${plain(warning)}`);
}
