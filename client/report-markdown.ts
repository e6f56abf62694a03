/**
 * A report is Markdown, and whoever writes to the namespace can answer with one of theirs. Where a page renders it, only
 * what our reports are made of keeps its meaning: headings, bold, lists, blocks, and links to pages of the Temporal UI.
 */

/** Between these lines nothing is rendered. */
const FENCE = '```';

export function onlyOurMarkdown(report: string): string {
  let isInside = false;
  const lines = report.split(/\r\n|[\n\r\u2028\u2029]/).map((line) => {
    const isFence = line === FENCE;
    if (isFence) isInside = !isInside;
    return isFence || isInside ? withoutFences(line) : withoutFences(disarmed(line));
  });
  return (isInside ? [...lines, FENCE] : lines).join('\n');
}

/** A second way to begin or end a block would turn its inside out. */
function withoutFences(line: string): string {
  return line === FENCE ? line : line.replace(/^([\s>]*)(`{3}|~{3})/, '$1. $2');
}

/** No tag, image, link that leads elsewhere or mention. */
function disarmed(line: string): string {
  return line
    .replaceAll(/(?<!\\)</g, '&lt;')
    .replaceAll('![', '! [')
    .replaceAll(/\](?!\(\/namespaces\/[\w%./~-]*\))(?=[([:])/g, '] ')
    .replaceAll(/:(?=\/\/)|\b(?:www(?=\.))|(?<![\w.+-])@(?=\w)/gi, '$& ');
}
