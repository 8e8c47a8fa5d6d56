// Which addresses content may be fetched from.
import { describe, expect, it } from 'vitest';
import { AddressPolicy, isNetwork } from '../../../actors/sources/address-policy.ts';

describe('an address policy', () => {
  it.each(['93.184.216.34', '8.8.8.8', '2606:4700::6810:84e5', '::ffff:8.8.8.8', '64:ff9b::808:808'])(
    'lets a public address pass: %s',
    (address) => {
      expect(new AddressPolicy().refusal(address)).toBeUndefined();
    },
  );

  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.8.9.10', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['169.254.169.254', 'linkLocal'],
    ['100.64.0.1', 'carrierGradeNat'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['198.18.0.1', 'reserved'],
    ['240.0.0.1', 'reserved'],
    ['::1', 'loopback'],
    ['::', 'unspecified'],
    ['fe80::1', 'linkLocal'],
    ['fe80::1%eth0', 'linkLocal'],
    ['fc00::1', 'uniqueLocal'],
    ['fd12:3456::1', 'uniqueLocal'],
    ['fec0::1', 'deprecatedSiteLocal'],
    ['ff02::1', 'multicast'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:a9fe:a9fe', 'linkLocal'],
    ['64:ff9b::a00:1', 'private'],
    ['64:ff9b:1::a00:1', 'rfc6052'],
    ['2002:7f00:1::', '6to4'],
    ['2001::1', 'teredo'],
    ['2001:db8::1', 'reserved'],
    ['::127.0.0.1', 'loopback'],
    ['4000::1', 'reserved'],
    ['example.org', 'no address'],
    ['', 'no address'],
  ])('refuses what is not public: %s is %s', (address, kind) => {
    expect(new AddressPolicy().refusal(address)).toBe(kind);
  });

  it('lets a network pass that the operator named, however the address is written, and no other', () => {
    const policy = new AddressPolicy(['10.1.0.0/16', '::1']);
    expect(policy.refusal('10.1.255.1')).toBeUndefined();
    expect(policy.refusal('::ffff:10.1.0.1')).toBeUndefined();
    expect(policy.refusal('::1')).toBeUndefined();
    expect(policy.refusal('10.2.0.1')).toBe('private');
    expect(policy.refusal('127.0.0.1')).toBe('loopback');
  });

  it('knows a network from other text', () => {
    expect(['10.0.0.0/8', '10.1.2.3', 'fd00::/8'].map(isNetwork)).toEqual([true, true, true]);
    expect(['10.0.0.0/33', 'example.org', ''].map(isNetwork)).toEqual([false, false, false]);
  });
});
