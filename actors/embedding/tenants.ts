// How many requests of one tenant may be under way at once, so that none of them takes all of a service.

export class Tenants {
  readonly #limit: number;
  readonly #underWay = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A place for one request, until it is disposed; undefined when the tenant has all of its places taken. */
  enter(tenant: string): Disposable | undefined {
    const taken = this.#underWay.get(tenant) ?? 0;
    if (taken >= this.#limit) return undefined;
    this.#underWay.set(tenant, taken + 1);
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        const now = (this.#underWay.get(tenant) ?? 1) - 1;
        if (now === 0) this.#underWay.delete(tenant);
        else this.#underWay.set(tenant, now);
      },
    };
  }

  /** Tenants with requests under way, and how many. */
  get underWay(): ReadonlyMap<string, number> {
    return this.#underWay;
  }
}
