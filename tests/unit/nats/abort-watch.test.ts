import { describe, expect, it } from 'vitest';
import { AbortWatch } from '../../../nats/abort-watch.ts';

/** A watch, what it told, and how many listeners its signals have. */
function watch() {
  const told: string[] = [];
  let listeners = 0;
  const signalled = () => {
    const controller = new AbortController();
    const { signal } = controller;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    return controller;
  };
  const instance = new AbortWatch<string>((waiting, reason) => told.push(`${waiting} ${reason}`));
  return { told, signalled, instance, listeners: () => listeners };
}

describe('an abort watch', () => {
  it('tells everyone that waits under a signal, in order, and nobody else', () => {
    const { told, signalled, instance } = watch();
    const [first, second] = [signalled(), signalled()];
    instance.add(first.signal, 'a');
    instance.add(second.signal, 'b');
    instance.add(first.signal, 'c');
    first.abort('stop');
    expect(told).toEqual(['a stop', 'c stop']);
  });

  it('leaves those alone that wait no more', () => {
    const { told, signalled, instance } = watch();
    const { signal, abort } = ((controller) => ({
      signal: controller.signal,
      abort: () => controller.abort('stop'),
    }))(signalled());
    instance.add(signal, 'a');
    instance.add(signal, 'b');
    instance.remove(signal, 'a');
    abort();
    expect(told).toEqual(['b stop']);
  });

  it('has one listener while anybody waits, and none when nobody does', () => {
    const { signalled, instance, listeners } = watch();
    const { signal } = signalled();
    for (const waiting of ['a', 'b', 'c']) instance.add(signal, waiting);
    expect(listeners()).toBe(1);
    for (const waiting of ['a', 'b']) instance.remove(signal, waiting);
    expect(listeners()).toBe(1);
    instance.remove(signal, 'c');
    expect(listeners()).toBe(0);
    instance.add(signal, 'd');
    expect(listeners()).toBe(1);
  });

  it('takes it as nothing when it is told twice that one waits no more', () => {
    const { told, signalled, instance } = watch();
    const controller = signalled();
    instance.add(controller.signal, 'a');
    instance.add(controller.signal, 'b');
    instance.remove(controller.signal, 'a');
    instance.remove(controller.signal, 'a');
    controller.abort('stop');
    instance.remove(controller.signal, 'b');
    expect(told).toEqual(['b stop']);
  });
});
