// The public door of the image kind: analysis and hashes of images, comparison of their proxies,
// embedding models, and the modules that its worker threads run.
export { analyseImage, hashImage, type ImageAnalysis, proxySide } from './analyse.ts';
export type { AnalyseThreadRequest } from './analyse-thread.ts';
export { AnalysisError, type AnalysisErrorCode } from './analysis-error.ts';
export type { ImageLimits } from './decode.ts';
export { describeModel, type ModelProposal } from './describe-model.ts';
export type { DescribedModel } from './describe-thread.ts';
export type { EmbedThreadData, EmbedThreadRequest, EmbedThreadResult } from './embed-thread.ts';
export { EmbeddingError } from './embedding-error.ts';
export { configuredModel, defaultModel, inspectModel, mustRepeat, onProvider } from './embedding-model.ts';
export type { MeasuredAgreement } from './measure-thread.ts';
export { MeasuredSession, MeasureFailed } from './measured-session.ts';
export { ModelUnusable } from './model-unusable.ts';
export { PictureReader, type ReadPicture } from './picture-reader.ts';
export { comparePixels, DEFAULT_PIXEL_THRESHOLD, type PixelComparison } from './pixel-comparison.ts';
export type { ModelFacts, UnavailableProvider } from './session-spec.ts';
export { type SniffedType, sniff } from './sniff.ts';
export { analyseThreadModule, embedThreadModule } from './thread-modules.ts';
export { TROUPE_TINY } from './troupe-tiny.ts';
