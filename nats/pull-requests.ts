// Keeps account of pull requests under way, so that a process never asks for more than it may hold. Requests are
// served first in, first out; each ends when it is filled, when the server says so, or when its time is over.

/** A request which was sent and may still bring `remaining` messages. */
interface PullRequest {
  readonly token: string;
  remaining: number;
  readonly deadlineMs: number;
}

/** The pull requests of one subscription. */
export class PullRequests {
  #requests: PullRequest[] = [];
  #sent = 0;

  /** Messages which may still come. */
  get outstanding(): number {
    return this.#requests.reduce((sum, request) => sum + request.remaining, 0);
  }

  /** Opens a request; returns the token under which the server reports about it. */
  open(batch: number, deadlineMs: number): string {
    const token = (this.#sent++).toString(36);
    this.#requests.push({ token, remaining: batch, deadlineMs });
    return token;
  }

  /** A message came: it belongs to the oldest request. */
  received(): void {
    const oldest = this.#requests[0];
    if (oldest === undefined) return;
    oldest.remaining--;
    if (oldest.remaining === 0) this.#requests.shift();
  }

  /** The server ended a request. */
  ended(token: string): void {
    this.#requests = this.#requests.filter((request) => request.token !== token);
  }

  /** Forgets requests whose time is over: their end was lost. */
  expire(nowMs: number): void {
    this.#requests = this.#requests.filter((request) => request.deadlineMs > nowMs);
  }

  clear(): void {
    this.#requests = [];
  }
}
