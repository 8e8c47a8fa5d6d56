// What happens to an embedded server, for the log and for `status`.

/** Where the server was when it happened. */
export interface ServerAddress {
  readonly pid: number;
  readonly url: string;
  readonly version: string;
}

/**
 * `gone`: its owner ended it. `taken over`: its owner died, and this process owns it now. `disk full`: next to nothing
 * more can be stored; `disk has room`: it can again, and the server works.
 */
export type ServerEvent = ServerAddress &
  (
    | { readonly kind: 'started' | 'adopted'; readonly owned: boolean }
    | { readonly kind: 'died'; readonly reason: string }
    | { readonly kind: 'restarted'; readonly sameAddress: boolean }
    | { readonly kind: 'restart failed'; readonly error: unknown }
    | { readonly kind: 'disk full' | 'disk has room'; readonly freeBytes: number }
    | { readonly kind: 'taken over' | 'gone' | 'stopped' }
  );
