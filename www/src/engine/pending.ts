/**
 * Calls whose answers may never come. `Promise.race` with a promise that never settles would keep every answer in memory; a call here
 * is forgotten as soon as it settles.
 */
export class Pending {
  private readonly rejecters = new Set<(error: unknown) => void>();
  private failure: { error: unknown } | null = null;

  /** Settles like `answer`, or rejects as soon as `fail` is called. */
  guard<T>(answer: Promise<T>): Promise<T> {
    const { failure, rejecters } = this;
    if (failure) {
      answer.catch(() => {});
      return Promise.reject(failure.error);
    }
    return new Promise<T>((resolve, reject) => {
      rejecters.add(reject);
      answer.then(resolve, reject).finally(() => rejecters.delete(reject));
    });
  }

  /** Rejects all pending calls and all later ones. */
  fail(error: unknown): void {
    this.failure ??= { error };
    for (const reject of this.rejecters) reject(error);
    this.rejecters.clear();
  }
}
