/** Apps and machine accounts that GitHub marks as such: they approve nothing. */
export function isBot(account: { login: string; type?: string } | null | undefined): boolean {
  return account?.type === 'Bot' || account?.login.endsWith('[bot]') === true;
}
