// What a PromQL expression names, for tests that hold dashboards to what nodes tell.

/** Names of metrics in an expression. */
export function metricsIn(expr: string): readonly string[] {
  return [...new Set(expr.match(/\b(?:troupe|process|nodejs)_\w+/g) ?? [])];
}

/** Labels by which an expression filters or groups, and those that its legend shows. */
export function labelsIn(expr: string, legend: string): readonly string[] {
  const filtered = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, filters = '']) =>
    [...filters.matchAll(/(\w+)\s*[=!]/g)].map(([, label = '']) => label),
  );
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) =>
    labels.split(',').map((label) => label.trim()),
  );
  const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
  return [...new Set([...filtered, ...grouped, ...shown])];
}
