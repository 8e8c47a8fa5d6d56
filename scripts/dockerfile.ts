// Reads a Dockerfile as far as ours goes: stages and their instructions, arguments filled in. For the rehearsal of the image
// and the tests of the file.

export interface Instruction {
  /** `COPY`, `RUN`, … */
  readonly name: string;
  /** What follows it, arguments filled in. */
  readonly text: string;
}

export interface Stage {
  /** What it starts from: an image, or a stage before it. */
  readonly from: string;
  /** Its name; the last stage may have none. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The stages in order. `given` are build arguments; an `ARG` before the first stage has its default otherwise. */
export function readDockerfile(text: string, given: Readonly<Record<string, string>> = {}): readonly Stage[] {
  const values = new Map<string, string>();
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const line of logicalLines(text)) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === '') throw new Error(`expected an instruction, got ${JSON.stringify(line)}`);
    if (name === 'ARG') {
      const [argument = '', value = ''] = rest.split('=');
      values.set(argument, given[argument] ?? value);
    } else if (name === 'FROM') {
      const [from = '', , as] = filled(rest, values).split(/\s+/);
      stages.push({ from, name: as, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push({ name, text: filled(rest, values) });
    }
  }
  return stages;
}

/** The instructions that make a stage, those of the stages that it starts from first; images come from elsewhere. */
export function instructionsOf(stages: readonly Stage[], name: string): readonly Instruction[] {
  const stage = stages.find((candidate) => candidate.name === name);
  return stage === undefined ? [] : [...instructionsOf(stages, stage.from), ...stage.instructions];
}

/** The image that a stage starts from in the end. */
export function imageOf(stages: readonly Stage[], { from }: Stage): string {
  const stage = stages.find((candidate) => candidate.name === from);
  return stage === undefined ? from : imageOf(stages, stage);
}

/** Entries of the build's context that `.dockerignore` lets in; ours refuses everything and names what it takes. */
export function admittedEntries(dockerignore: string): readonly string[] {
  return dockerignore
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
}

function logicalLines(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function filled(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$\{(\w+)\}/g, (whole, name: string) => values.get(name) ?? whole);
}
