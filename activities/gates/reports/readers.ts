/** The readers by format. Another format: its name in pipeline/report-formats.ts, one file here, one row. */
import type { ReportFormat } from '../../../pipeline/report-formats.js';
import { readCobertura } from './cobertura.js';
import { readJunit } from './junit.js';
import { readK6 } from './k6.js';
import { readLcov } from './lcov.js';
import { readPipLicenses } from './pip-licenses.js';
import type { ReportReader } from './report.js';
import { readSarif } from './sarif.js';
import { readTrivy } from './trivy.js';

export const READERS: Record<ReportFormat, ReportReader> = {
  cobertura: readCobertura,
  lcov: readLcov,
  junit: readJunit,
  sarif: readSarif,
  trivy: readTrivy,
  'pip-licenses': readPipLicenses,
  k6: readK6,
};
