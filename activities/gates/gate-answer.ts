import type { Source } from '../source/source.js';

export interface GateDependencies {
  source: Source;
  scrub: (text: string) => string;
}

export interface GateAnswer {
  verdict: 'pass' | 'fail' | 'error';
  note: string;
}
