// The hops of what a stage has in hand, from when it came until it left.
import type { Delivery } from '#runtime';
import type { DatasetPorts, Stage } from './dataset-ports.ts';
import type { HopEnd, HopTrace } from './item-tracer.ts';

export class OpenHops {
  readonly #ports: Pick<DatasetPorts, 'tracer' | 'meter' | 'clock'>;
  readonly #stage: Stage;
  readonly #traces = new Map<Delivery, HopTrace>();

  constructor(ports: Pick<DatasetPorts, 'tracer' | 'meter' | 'clock'>, stage: Stage) {
    this.#ports = ports;
    this.#stage = stage;
  }

  begin(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      this.#traces.set(delivery, this.#ports.tracer.hop(this.#stage, delivery));
    }
  }

  /** What the messages of this hop carry. */
  headersOf(delivery: Delivery): HopTrace['headers'] {
    return this.#traces.get(delivery)?.headers ?? {};
  }

  /** It left its queue. */
  left(delivery: Delivery, how: HopEnd): void {
    const { meter, clock } = this.#ports;
    meter.left(this.#stage, clock.wallMs() - delivery.storedAtMs);
    this.#traces.get(delivery)?.end(how);
    this.#traces.delete(delivery);
  }

  /** What has not left by now is in its queue again. */
  end(): void {
    for (const trace of this.#traces.values()) trace.end({ outcome: 'returned' });
    this.#traces.clear();
  }
}
