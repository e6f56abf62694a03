/** JUnit's XML, as test runners of most languages write it. */
import { UnreadableReport, type ReportFacts } from './report.js';
import { readCount, readXml, type XmlElement } from './xml.js';

type Ending = 'passed' | 'skipped' | 'failed';

export async function readJunit(text: string): Promise<ReportFacts> {
  const failed: string[] = [];
  const claims: string[] = [];
  let [passed, skipped] = [0, 0];
  let test: { name: string; ending: Ending } | null = null;
  const begin = ({ name, attributes, parents }: XmlElement): void => {
    const parent = parents.at(-1);
    if (name === 'testcase') test = { name: nameOf(attributes), ending: 'passed' };
    else if (name === 'testsuite' || name === 'testsuites') claims.push(...claimOf(attributes));
    else if (name === 'failure' || name === 'error') {
      if (parent === 'testcase' && test !== null) test.ending = 'failed';
      else if (parent === 'testsuite') failed.push('a whole suite');
    } else if (name === 'skipped' && parent === 'testcase' && test?.ending === 'passed')
      test.ending = 'skipped';
  };
  const end = (name: string): void => {
    if (name !== 'testcase' || test === null) return;
    if (test.ending === 'failed') failed.push(test.name);
    else if (test.ending === 'skipped') skipped += 1;
    else passed += 1;
    test = null;
  };
  await readXml(text, ['testsuites', 'testsuite'], { open: begin, close: end });
  // a runner that died inside a suite may have counted what it did not list
  if (failed.length === 0) failed.push(...claims.slice(0, 1));
  if (passed + failed.length === 0)
    throw new UnreadableReport(skipped > 0 ? `skipped all of its ${skipped} tests` : 'has no test in it');
  return { about: 'tests', passed, skipped, failed };
}

function nameOf(attributes: Record<string, string>): string {
  return (
    [attributes['classname'], attributes['name']].filter((part) => part).join(' ') || 'a test without a name'
  );
}

function claimOf(attributes: Record<string, string>): string[] {
  const count = (readCount(attributes['failures']) ?? 0) + (readCount(attributes['errors']) ?? 0);
  return count === 0 ? [] : [`${count} in ${attributes['name'] || 'a suite'} that it does not list`];
}
