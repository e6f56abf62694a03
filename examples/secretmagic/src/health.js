/** Live: the process itself works. What it depends on is /ready's business. */
export function checkHealth() {
  return { live: true };
}
