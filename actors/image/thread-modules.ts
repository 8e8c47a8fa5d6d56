// Where the image kind's worker-thread modules are, from source and after the build.

/** URL of the thread module that analyses images (`AnalyseThreadRequest` to `ImageAnalysis`). */
export function analyseThreadModule(): URL {
  return threadModule('analyse-thread');
}

/** URL of the thread module that embeds proxies; it is started with `EmbedThreadData`. */
export function embedThreadModule(): URL {
  return threadModule('embed-thread');
}

/** URL of the thread that opens a model once and tells what it has; it is started with a `SessionSpec`. */
export function inspectThreadModule(): URL {
  return threadModule('inspect-thread');
}

/** URL of the thread that looks at a model file of which nothing is known; it is started with its path. */
export function describeThreadModule(): URL {
  return threadModule('describe-thread');
}

/** URL of the thread of a `MeasuredSession`; it is started with a `SessionSpec`. */
export function measureThreadModule(): URL {
  return threadModule('measure-thread');
}

function threadModule(name: string): URL {
  return new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}
