/** A queue for a limited number of places, first come first served. The limit may be lowered while in use. */
export class Slots {
  private taken = 0;
  private readonly queue: (() => void)[] = [];

  constructor(private limit: number) {}

  /** Resolves with the function that gives the place back (calling it twice counts once). */
  async take(): Promise<() => void> {
    if (this.taken >= this.limit) {
      await new Promise<void>((resolve) => {
        this.queue.push(resolve);
      });
    } else {
      this.taken += 1;
    }
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.release();
    };
  }

  /** The other side allows fewer than we thought. Never below one. */
  lowerTo(limit: number): void {
    this.limit = Math.max(1, Math.min(this.limit, limit));
  }

  get inUse(): number {
    return this.taken;
  }

  private release(): void {
    const next = this.taken <= this.limit ? this.queue.shift() : undefined;
    // a waiting caller inherits the place
    if (next === undefined) this.taken -= 1;
    else next();
  }
}
