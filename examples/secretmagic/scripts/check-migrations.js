// While a release rolls out, both versions use the database: a migration may only expand it. What takes something away
// goes into a later release, once no running version needs it, and says so in its first line: `-- contract: why it is safe`.
import { readdirSync, readFileSync } from 'node:fs';

const TAKES_AWAY =
  /\b(drop\s+(table|column|view|index|constraint|schema)|rename\s+(to|column)|set\s+not\s+null|alter\s+column\s+\S+\s+(set\s+data\s+)?type|truncate)\b/i;
const NEEDS_DEFAULT = /\badd\s+(column\s+)?\S+\s+[^,;]*\bnot\s+null\b(?![^,;]*\bdefault\b)/i;

const problems = readdirSync('migrations')
  .filter((name) => name.endsWith('.sql'))
  .flatMap((name) => {
    const text = readFileSync(`migrations/${name}`, 'utf8');
    if (/^-- contract: \S/.test(text)) return [];
    const statements = text.replaceAll(/--.*$/gm, '').split(';');
    return statements
      .filter((statement) => TAKES_AWAY.test(statement) || NEEDS_DEFAULT.test(statement))
      .map(
        (statement) =>
          `migrations/${name}: not backward compatible: ${statement.trim().replaceAll(/\s+/g, ' ')}`,
      );
  });

for (const problem of problems) console.log(problem);
if (problems.length > 0)
  console.log('expand now, contract in a later release (first line: -- contract: why it is safe)');
process.exit(problems.length === 0 ? 0 : 1);
