// How much one request to the keeper may be about.

/** Most sequences, resolutions, items or keys in one request. */
export const MAX_ASKED = 1_000;
