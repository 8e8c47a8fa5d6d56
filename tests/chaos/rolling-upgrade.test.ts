// Every node is stopped and started again while items flow, one after the other, half of them as a program that writes a
// newer message format; what comes out is what one undisturbed node gives.
import { expect, it } from 'vitest';
import { ChaosSystem } from '../support/chaos/chaos-system.ts';
import { PICTURES_CONFIG } from '../support/images.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 300;
const NODES = ['a', 'b', 'c', 'd'];
const OLDER = { TROUPE_NODE__MAX_MESSAGE_VERSION: '1' };

const calm = undisturbedPictures(COUNT);

it('a rolling restart onto a newer message format fails no item and changes no decision', async () => {
  await using system = await ChaosSystem.create({ config: PICTURES_CONFIG, nodes: NODES });
  for (const node of NODES) await system.start(node, OLDER);
  const share = COUNT / NODES.length;
  let through = 0;
  for (const [at, node] of NODES.entries()) {
    through = await system.client.publish(calm.pictures.items.slice(at * share, (at + 1) * share));
    expect(await system.client.settled(through), `items flow when ${node} is told to stop`).toBeLessThan(
      through,
    );
    expect(await system.stop(node)).toMatchObject({ code: 0 });
    await system.start(node, at % 2 === 0 ? {} : OLDER);
  }
  await system.client.waitSettled(through);
  expect(await resultOf(system.client, calm.pictures)).toEqual(calm.result);
});
