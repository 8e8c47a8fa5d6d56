// The door of the report: gathers what a manifest shows and draws it as one HTML page.
export type { ReportLimits } from './choose-rows.ts';
export { type GatherOptions, gatherReport } from './gather-report.ts';
export { renderReport } from './render-report.ts';
export type { ReportModel } from './report-model.ts';
