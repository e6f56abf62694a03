/** Encrypted files that were decrypted already: the same document only while their bytes are the same. */
import { createHash } from 'node:crypto';

/** Then the key is asked for again, which may have been withdrawn. */
const KEPT_MS = 24 * 3_600_000;

interface Document {
  version: string;
  at: number;
  /** Those who want it while it is decrypted share the work. */
  text: Promise<string>;
}

export class KeptFiles {
  private readonly documents = new Map<string, Document>();

  constructor(private readonly now: () => number = Date.now) {}

  /** What `decrypt` makes of the bytes `sealed` of the file `id`. */
  async text(id: string, sealed: Uint8Array, decrypt: () => Promise<string>): Promise<string> {
    const version = createHash('sha256').update(sealed).digest('hex');
    const kept = this.documents.get(id);
    if (kept?.version === version && this.now() - kept.at < KEPT_MS) return kept.text;
    const document: Document = { version, at: this.now(), text: decrypt() };
    this.documents.set(id, document);
    try {
      return await document.text;
    } catch (error) {
      if (this.documents.get(id) === document) this.documents.delete(id);
      throw error;
    }
  }
}
