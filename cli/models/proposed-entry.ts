// The entry under `models:` that a file most likely wants, as YAML to paste: only what differs from the defaults, and what
// is a guess says so.
import { Document, visit } from 'yaml';
import { type ModelProposal, modelConfigSchema } from '#actors';

export function proposedEntry(name: string, file: string, { settings, remarks }: ModelProposal): string {
  const [width, height] = settings.size;
  const { size: _, ...rest } = settings;
  const defaults = modelConfigSchema.parse({ file, size: settings.size, dimension: settings.dimension });
  const differing = Object.entries(rest).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[key as keyof typeof defaults]),
  );
  const entry = {
    file,
    size: width === height ? width : [width, height],
    dimension: settings.dimension,
    ...Object.fromEntries(differing),
  };
  const document = new Document({ models: { [name]: entry } });
  visit(document, {
    Seq: (_key, node) => {
      node.flow = true;
    },
  });
  if (remarks.length > 0) document.commentBefore = remarks.map((remark) => ` ${remark}`).join('\n');
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
