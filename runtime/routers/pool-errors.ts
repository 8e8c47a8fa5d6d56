// What a sender to a pool may catch, beyond what one to an actor may.

/** All members that could take the message are full, and as many senders as may are waiting for room already. */
export class PoolFull extends Error {
  override readonly name = 'PoolFull';
  readonly code = 'pool_full';
  readonly maxWaiting: number;

  constructor(maxWaiting: number) {
    super(`the pool is full and ${maxWaiting} senders, as many as may, wait for room`);
    this.maxWaiting = maxWaiting;
  }
}
