// A port whose calls fail or come late as a test plans them: before they have had any effect, or after it, when only
// the answer is lost. The second is what a connection that breaks does, and what idempotency is for.
import type { Clock } from '../ports.ts';

/** What is to happen to one call. */
export type Fault =
  /** It fails and has had no effect. */
  | { readonly type: 'fails'; readonly error: Error }
  /** It has its effect, and fails all the same. */
  | { readonly type: 'answer-lost'; readonly error: Error }
  /** It begins so many milliseconds later, on the clock that the port was made faulty with. */
  | { readonly type: 'late'; readonly byMs: number };

/** The names of a port's methods that answer by a promise. */
export type AsyncMethod<P> = {
  readonly [K in keyof P]: P[K] extends (...values: never[]) => Promise<unknown> ? K : never;
}[keyof P] &
  string;

/** The plan of a faulty port. */
export interface FaultPlan<P> {
  /** The next calls of `method` meet these faults, one each, after those planned before. */
  next(method: AsyncMethod<P>, ...faults: readonly Fault[]): void;
  /** Faults that no call has met yet; a test that ends with any left has not tested what it says. */
  readonly left: number;
}

/** The port with a plan of faults, all of whose other calls pass through. */
export function faulty<P extends object>(
  port: P,
  clock: Clock,
): { readonly port: P; readonly plan: FaultPlan<P> } {
  const planned = new Map<PropertyKey, Fault[]>();
  const plan: FaultPlan<P> = {
    next(method, ...faults) {
      planned.set(method, [...(planned.get(method) ?? []), ...faults]);
    },
    get left() {
      return [...planned.values()].reduce((sum, faults) => sum + faults.length, 0);
    },
  };
  const proxy = new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...values: readonly unknown[]): unknown => {
        const call = (): unknown => Reflect.apply(value, target, values);
        const fault = planned.get(name)?.shift();
        return fault === undefined ? call() : meet(fault, call, clock);
      };
    },
  });
  return { port: proxy, plan };
}

async function meet(fault: Fault, call: () => unknown, clock: Clock): Promise<unknown> {
  switch (fault.type) {
    case 'fails':
      throw fault.error;
    case 'answer-lost':
      await call();
      throw fault.error;
    case 'late':
      await new Promise<void>((resolve) => void clock.schedule(fault.byMs, resolve));
      return call();
  }
}
