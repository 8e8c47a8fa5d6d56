/** A request to the keeper cannot be answered as asked; the keeper itself is well. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
}
