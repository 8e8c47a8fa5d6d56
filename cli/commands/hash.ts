// `troupe hash`: sha256, pHash and dHash of files as the ingestor computes them.
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { hashImage } from '#actors';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { ExitCode } from '../exit-code.ts';
import { fileProblem } from '../file-problem.ts';
import { examples } from '../help.ts';

export function registerHash(program: Command, environment: CliEnvironment): void {
  program
    .command('hash')
    .description('print sha256, pHash and dHash of images, bit-compatible with Python imagehash')
    .argument('<file...>', 'image files')
    .addHelpText(
      'after',
      examples([
        ['troupe hash cat.jpg', 'sha256, pHash, dHash, name'],
        ['troupe hash *.jpg --json', 'one JSON array'],
      ]),
    )
    .action(async (files: readonly string[], _options: unknown, command: Command) => {
      const { terminal } = contextOf(command, environment);
      const results: Record<string, string>[] = [];
      for (const file of files) {
        const result = await hashFile(file);
        results.push(result);
        if ('error' in result) environment.setExitCode(ExitCode.no);
        if (terminal.json) continue;
        if ('error' in result) terminal.note(`${file}: ${result.error}: ${result.message}`);
        else terminal.print(`${result.sha256}  ${result.phash}  ${result.dhash}  ${file}`);
      }
      if (terminal.json) terminal.printJson(results);
    });
}

async function hashFile(file: string): Promise<Record<string, string>> {
  try {
    return { file, ...(await hashImage(await readFile(file))) };
  } catch (error) {
    const problem = fileProblem(error);
    if (problem !== undefined) return { file, error: 'file_unusable', message: problem };
    const { code, message } = error as { code?: string; message: string };
    return { file, error: code ?? 'internal', message };
  }
}
