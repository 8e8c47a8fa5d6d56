import { describe, expect, it } from 'vitest';
import { InvalidName, namesOf } from '#nats';

describe('the names of a system', () => {
  it('are those which the public contract states', () => {
    const { subjects, streams, records, objects, service } = namesOf('troupe');
    expect(subjects.intake('photos')).toBe('troupe.intake.photos');
    expect(subjects.outcome('photos', 'kept')).toBe('troupe.outcome.photos.kept');
    expect(subjects.dead('photos', 'embedder')).toBe('troupe.dead.photos.embedder');
    expect(subjects.work('photos', 'dedup')).toBe('troupe.work.photos.dedup');
    expect(subjects.journal('photos', 'index', 3)).toBe('troupe.journal.photos.index.3');
    expect(subjects.events('node-1', 'restart')).toBe('troupe.events.node-1.restart');
    expect(streams.intake('photos')).toBe('TROUPE_INTAKE_photos');
    expect(streams.work('photos', 'dedup')).toBe('TROUPE_WORK_photos_dedup');
    expect(streams.events).toBe('TROUPE_EVENTS');
    expect(records.heads).toBe('troupe-heads');
    expect(records.vectors('my-set')).toBe('troupe-vectors-my-set');
    expect(records.details('photos')).toBe('troupe-details-photos');
    expect(objects.blobs('photos')).toBe('troupe-blobs-photos');
    expect(service).toBe('troupe-node');
  });

  it.each(['Photos', '-a', '', 'a.b', 'a_b', 'a b', 'a*', 'x'.repeat(33)])(
    'refuse the dataset %j',
    (dataset) => {
      expect(() => namesOf('troupe').subjects.intake(dataset)).toThrow(InvalidName);
      expect(() => namesOf('troupe').streams.journal(dataset)).toThrow(InvalidName);
    },
  );

  it.each(['', 'Troupe', 'a-b', 'a.b', '1a', 'x'.repeat(17)])('refuse the system %j', (system) => {
    expect(() => namesOf(system)).toThrow(InvalidName);
  });

  it('refuse tokens which would change the shape of a subject', () => {
    const { subjects } = namesOf('troupe');
    expect(() => subjects.events('host.domain', 'x')).toThrow(InvalidName);
    expect(() => subjects.work('photos', '>')).toThrow(InvalidName);
    expect(() => subjects.journal('photos', 'index', '')).toThrow(InvalidName);
  });
});
