/** Users ask; what they are answered must be the release that is recorded as live, every time. */
import type { ReleaseRecord } from '../../workflows/result.js';
import type { Users } from './ground.js';

const TIMES = 5;

export async function askUsers(
  environment: string,
  users: Users,
  { version, colour }: Pick<ReleaseRecord, 'version' | 'colour'>,
): Promise<string[]> {
  const wanted = `200 ${version} ${colour ?? 'no colour'}`;
  const wrongs = new Set<string>();
  for (let time = 0; time < TIMES; time += 1) {
    const answer = await ask(`${users.url}/orders`);
    const told =
      users.colour === 'in its header' ? answer.header : (await ask(`${users.url}/colour`)).text || null;
    const seen = `${answer.status} ${answer.text} ${told ?? 'no colour'}`;
    if (seen !== wanted) wrongs.add(`${environment} answers ${seen}, but ${wanted} is recorded as live`);
  }
  return [...wrongs];
}

async function ask(url: string): Promise<{ status: string; text: string; header: string | null }> {
  const answer = await fetch(url, { headers: { connection: 'close' } }).catch(() => null);
  const text = (await answer?.text())?.trim() ?? '';
  return { status: String(answer?.status), text, header: answer?.headers.get('x-colour') ?? null };
}
