import picocolors from 'picocolors';

type Paint = (text: string) => string;

/** Signs and colours of one screen. The UI and job summaries use the ASCII set: browsers draw the others unevenly. */
export interface Style {
  ok: string;
  failed: string;
  now: string;
  pending: string;
  warning: string;
  /** Of what somebody let pass although it said no. */
  forced: string;
  undone: string;
  unknown: string;
  arrow: string;
  ellipsis: string;
  barFull: string;
  barEmpty: string;
  red: Paint;
  green: Paint;
  yellow: Paint;
  dim: Paint;
  bold: Paint;
  columns: number;
}

const NARROWEST = 60;
const WIDEST = 100;

export function makeStyle(options: { ascii: boolean; colour: boolean; columns: number }): Style {
  const paint = picocolors.createColors(options.colour);
  const signs = options.ascii
    ? {
        ok: 'ok',
        failed: 'XX',
        now: '>>',
        pending: '..',
        warning: '!!',
        forced: '!!',
        undone: '<-',
        unknown: '??',
        arrow: '->',
        ellipsis: '...',
        barFull: '=',
        barEmpty: '-',
      }
    : {
        ok: '✓',
        failed: '✗',
        now: '▸',
        pending: '·',
        warning: '!',
        forced: '⚠',
        undone: '↶',
        unknown: '?',
        arrow: '→',
        ellipsis: '…',
        barFull: '━',
        barEmpty: '─',
      };
  return {
    ...signs,
    red: paint.red,
    green: paint.green,
    yellow: paint.yellow,
    dim: paint.dim,
    bold: paint.bold,
    columns: Math.min(WIDEST, Math.max(NARROWEST, options.columns)),
  };
}

/** The sign of a step or promotion in this state, coloured. */
export function signOf(style: Style, state: string): string {
  switch (state) {
    case 'succeeded':
      return style.green(style.ok);
    case 'failed':
    case 'undo-failed':
      return style.red(style.failed);
    case 'running':
    case 'waiting':
      return style.now;
    case 'inconclusive':
      return style.yellow(style.unknown);
    case 'aborted':
    case 'superseded':
      return style.yellow(style.warning);
    case 'rolled-back':
    case 'undone':
      return style.undone;
    default:
      return style.pending;
  }
}
