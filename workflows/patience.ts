import { CancellationScope, patched, sleep } from '@temporalio/workflow';

/**
 * How long a step is tried that cannot be made, from its first failure on. A timer ends it: a fresh worker may be given
 * the clock of an older task, and whoever replays a decision by that clock decides differently.
 */
export class Patience {
  readonly #startedAtMs = Date.now();
  readonly #scope = new CancellationScope();
  #state: 'whole' | 'running' | 'over' = 'whole';

  constructor(
    private readonly forMs: number,
    private readonly step: string,
  ) {}

  isOver(): boolean {
    // Runs from before this patch looked at the clock.
    if (!patched('patience-is-a-timer')) return Date.now() - this.#startedAtMs >= this.forMs;
    if (this.#state === 'whole') {
      this.#state = 'running';
      void this.#scope
        .run(() => sleep(this.forMs, { summary: `${this.step} could not be made: undoes when this is over` }))
        .then(
          () => (this.#state = 'over'),
          () => undefined,
        );
    }
    return this.#state === 'over';
  }

  end(): void {
    this.#scope.cancel();
  }
}
