/** May anybody else write a file that decides, or read one that is secret? Pure: whoever has the file says who owns it. */

/** Where a worker looks for its policy unless it is told. */
export const POLICY_FILE = '/etc/slipway/policy.yaml';

/** What `stat` says of a file or folder; `userId` is the process's own. */
export interface Ownership {
  path: string;
  mode: number;
  uid: number;
  isFolder: boolean;
  userId: number;
}

/** null = only its owner may, and that is root or ourselves. */
export function findWriters({
  path,
  mode,
  uid,
  isFolder,
  userId,
}: Ownership): { what: string; wayOut: string } | null {
  const isSticky = isFolder && (mode & 0o1000) !== 0;
  if ((mode & 0o022) !== 0 && !isSticky)
    return {
      what: `may be written by others (mode ${(mode & 0o777).toString(8)})`,
      wayOut: `chmod go-w ${path}`,
    };
  if (uid !== 0 && uid !== userId)
    return {
      what: `belongs to user ${uid}, neither to root nor to user ${userId}`,
      wayOut: `chown root ${path}`,
    };
  return null;
}

/** The mode as `chmod` writes it when others than its owner may read, write or run the file; null = it is private. */
export function openToOthers(mode: number): string | null {
  return (mode & 0o077) === 0 ? null : (mode & 0o777).toString(8);
}
