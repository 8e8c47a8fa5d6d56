// Decides which network addresses content may be fetched from: public ones, and those that the operator named.
// Judged is the address that is connected to, never the name, so that a name that points inwards leads nowhere.
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** The part of IPv6 that is public. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
/** Where a gateway embeds an IPv4 address in the last four bytes (RFC 6052): the embedded one counts. */
const EMBEDDED = ipaddr.parseCIDR('64:ff9b::/96');

export class AddressPolicy {
  readonly #allowed: readonly [Address, number][];

  /** `allowed` are addresses or networks (`10.1.0.0/16`) that may be reached although they are not public. */
  constructor(allowed: readonly string[] = []) {
    this.#allowed = allowed.map(parseNetwork);
  }

  /** What the address is (`loopback`, `private`, …) when it must not be connected to; undefined when it may. */
  refusal(text: string): string | undefined {
    if (!ipaddr.isValid(text)) return 'no address';
    const address = effective(ipaddr.process(text));
    if (this.#allowed.some(([network, bits]) => matches(address, network, bits))) return undefined;
    const range = address.range();
    if (range !== 'unicast') return range;
    return address.kind() === 'ipv6' && !matches(address, ...GLOBAL_UNICAST) ? 'reserved' : undefined;
  }
}

/** Whether `text` is an address or a network that `AddressPolicy` understands. */
export function isNetwork(text: string): boolean {
  return ipaddr.isValidCIDR(text) || ipaddr.isValid(text);
}

function parseNetwork(text: string): [Address, number] {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function effective(address: Address): Address {
  if (!matches(address, ...EMBEDDED)) return address;
  return ipaddr.fromByteArray(address.toByteArray().slice(12));
}

function matches(address: Address, network: Address, bits: number): boolean {
  return address.kind() === network.kind() && address.match([network, bits] as [ipaddr.IPv4, number]);
}
