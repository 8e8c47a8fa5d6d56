// Where the vectors of contents are stored, and under which names.
import type { Kind } from '../kinds/kind.ts';
import type { DatasetPorts, ModelIdentity } from './dataset-ports.ts';
import { decodeVector, parsePrecision, type VectorPrecision } from './vector-codec.ts';

/** What a vector is made by. */
export interface VectorMaker {
  readonly model: ModelIdentity;
  readonly kind: Pick<Kind, 'version'>;
}

/** Everything that determines a vector: decoding, model bytes, what is done around the model, precision, dimension, content. */
export function vectorKey(maker: VectorMaker, content: string): string {
  return `${vectorGroup(maker)}/${content}`;
}

/** The part of the key that vectors of the same making share. */
export function vectorGroup({ model, kind }: VectorMaker): string {
  const { digest, recipe, precision, dimension } = model;
  return `${kind.version}/${digest.slice(0, 16)}/${recipe.slice(0, 16)}/${precision}/${dimension}`;
}

/** What the name of a group says of the vectors in it. */
export interface GroupFacts {
  readonly kind: string;
  /** First 16 hex digits of the sha256 of the model file. */
  readonly digest: string;
  /** First 16 hex digits of the digest of all that is done around the model. */
  readonly recipe: string;
  readonly precision: VectorPrecision;
  readonly dimension: number;
}

/** @throws RangeError for what no version of this program has written */
export function parseGroup(group: string): GroupFacts {
  const [kind = '', digest = '', recipe = '', precision, dimension] = group.split('/');
  return { kind, digest, recipe, precision: parsePrecision(precision), dimension: Number(dimension) };
}

/** What a deciding configuration records of the vectors that it decides by (`judgingContext`). */
export interface RecordedVersions {
  readonly kind: string;
  readonly model: string;
  /** Recipe, precision and dimension. */
  readonly embedding: string;
}

/** What the deciding configuration of a manifest records of its vectors. */
export function recordedVersions(deciding: Readonly<Record<string, unknown>>): RecordedVersions {
  const { kind, model, embedding } = deciding.versions as Readonly<Record<string, string>>;
  return { kind: kind ?? '', model: model ?? '', embedding: embedding ?? '' };
}

/** How the vectors of a deciding configuration are stored. */
export function recordedPrecision({ embedding }: RecordedVersions): VectorPrecision {
  return parsePrecision(embedding.split('/')[1]);
}

/** The key of a vector by the versions that a deciding configuration records. */
export function recordedVectorKey(versions: RecordedVersions, content: string): string {
  const digest = versions.model.slice(versions.model.lastIndexOf('@') + 1);
  return `${versions.kind}/${digest.slice(0, 16)}/${versions.embedding}/${content}`;
}

/** The vector of a content by the model in force, or undefined where none is stored. */
export async function storedVector(
  ports: Pick<DatasetPorts, 'model' | 'kind' | 'vectors'>,
  content: string,
): Promise<Float32Array | undefined> {
  const bytes = await ports.vectors.get(vectorKey(ports, content));
  return bytes && decodeVector(bytes, ports.model.precision);
}
