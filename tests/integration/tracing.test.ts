// The spans of a node, as a collector gets them: of items over every hop, and of requests for vectors. One node for all of
// it; the tests follow each other.
import { readFile } from 'node:fs/promises';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { headers as natsHeaders } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '#runtime';
import { tracingBy } from '../../cli/tracing/otlp-tracing.ts';
import { openTracing } from '../../cli/tracing/tracing.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { InProcessNode } from '../support/in-process-node.ts';
import { scriptedHttpServer } from '../support/scripted-http-server.ts';

const DEADLINE_MS = 30_000;
const PICTURES = 30;
/** The span of whoever published an item, or asked for a vector. */
const spanId = 'b7ad6b7169203331';

let node: InProcessNode;
let pictures: TestPictures;
const exporter = new InMemorySpanExporter();
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });

beforeAll(async () => {
  pictures = await testPictures(PICTURES);
  node = await InProcessNode.begin(
    { datasets: { photos: {} }, node: { embedding: { serve: ['troupe-tiny'] } } },
    { tracing: tracingBy(provider, { version: '1.2.3', close: () => provider.shutdown() }) },
  );
  await node.waitSettled(await node.publish(pictures.items));
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await pictures?.[Symbol.asyncDispose]();
});

describe('the trace of an item', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';

  it("goes on with its publisher's, over every hop, to the manifest", async () => {
    const { link, names } = await node.connect();
    const data = await readFile(pictures.items[1]?.path ?? '');
    const headers = { traceparent: `00-${traceId}-${spanId}-01`, 'Troupe-Id': 'traced' };
    const { sequence } = await link.publisher.publish({
      subject: names.subjects.intake('photos'),
      data,
      headers,
    });
    await node.waitSettled(sequence);
    const { manifest } = await node.cut();
    const spans = exporter
      .getFinishedSpans()
      .filter((span) => span.spanContext().traceId === traceId)
      .map((span) => ({
        name: span.name,
        id: span.spanContext().spanId,
        parent: span.parentSpanContext?.spanId,
        sequence: span.attributes['troupe.sequence'],
      }));
    const chain: string[] = [];
    for (let at: string | undefined = spanId; at !== undefined; ) {
      const next = spans.find(({ parent }) => parent === at);
      if (next !== undefined) chain.push(`${next.name} of ${next.sequence}`);
      at = next?.id;
    }
    expect(chain).toEqual(
      ['intake', 'embed', 'dedup', 'score', 'keep', 'manifest'].map((hop) => `troupe ${hop} of ${sequence}`),
    );
    expect(spans.length).toBe(chain.length);
    const last = exporter.getFinishedSpans().find(({ name, attributes }) => {
      return name === 'troupe manifest' && attributes['troupe.sequence'] === sequence;
    });
    expect(last?.attributes['troupe.manifest']).toBe(manifest.number);
  });

  it('is one of its own where the publisher has none, also for an item that dies', () => {
    const dead = exporter
      .getFinishedSpans()
      .filter(({ attributes }) => attributes['troupe.outcome'] === 'dead');
    expect(dead.length).toBeGreaterThan(0);
    expect(dead.map(({ name, attributes }) => `${name} ${attributes['troupe.reason']}`)).toEqual(
      pictures.of('corrupt').map(() => 'troupe intake corrupt_image'),
    );
    const hops = exporter
      .getFinishedSpans()
      .filter((span) => span.spanContext().traceId === dead[0]?.spanContext().traceId);
    expect(hops.map(({ name }) => name)).toEqual(['troupe intake', 'troupe keep']);
  });
});

describe('a request for a vector', () => {
  it('has a span where its asker has one, and else none', async () => {
    const { link } = await node.connect();
    const own = '1af7651916cd43dd8448eb211c80319c';
    const data = await readFile(pictures.of('scene')[0]?.path ?? '');
    const ask = (traceparent?: string, body: Uint8Array = data) => {
      const headers = natsHeaders();
      if (traceparent !== undefined) headers.set('traceparent', traceparent);
      return link.connection.request('troupe.embed.troupe-tiny', body, { timeout: DEADLINE_MS, headers });
    };
    await ask();
    await ask(`00-${own}-${spanId}-01`);
    await ask(`00-${own}-${spanId}-01`, Buffer.from('no picture'));
    const spans = exporter.getFinishedSpans().filter(({ name }) => name === 'troupe vector');
    expect(
      spans.map((span) => [
        span.spanContext().traceId,
        span.parentSpanContext?.spanId,
        span.attributes['troupe.model'],
        span.attributes['troupe.outcome'],
        span.attributes['troupe.cause'] ?? span.attributes['troupe.reason'],
      ]),
    ).toEqual([
      [own, spanId, 'troupe-tiny', 'answered', 'memory'],
      [own, spanId, 'troupe-tiny', 'bad_request', '400'],
    ]);
  });
});

describe('a span', () => {
  it('reaches a collector as OTLP', async () => {
    const bodies: string[] = [];
    const collector = await scriptedHttpServer({
      '/v1/traces': (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          bodies.push(Buffer.concat(chunks).toString());
          response.end('{}');
        });
      },
    });
    await using _ = collector;
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}` };
    const tracing = await openTracing({ env, node: 'vm-1', version: '1.2.3', log: silentLogger });
    const delivery = { subject: 's', deliveries: 1, storedAtMs: 0, header: () => undefined };
    const unused = { sequence: 1, data: new Uint8Array(), ack: () => {}, nak: () => {}, term: () => {} };
    tracing
      ?.itemTracer('photos', systemClock)
      .hop('intake', { ...delivery, ...unused })
      .end({ outcome: 'passed' });
    await tracing?.close();
    const [sent] = JSON.parse(bodies[0] ?? '{}').resourceSpans;
    const told = Object.fromEntries(
      sent.resource.attributes.map(({ key, value }: { key: string; value: { stringValue: string } }) => [
        key,
        value.stringValue,
      ]),
    );
    expect(told).toMatchObject({
      'service.name': 'troupe-node',
      'service.instance.id': 'vm-1',
      'service.version': '1.2.3',
    });
    expect(sent.scopeSpans[0].spans[0].name).toBe('troupe intake');
  });
});
