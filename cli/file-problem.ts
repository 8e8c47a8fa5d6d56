// What the operating system says of a file that a command was given, in words. Used where an error becomes what a user reads.

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file, or no such folder for it',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder',
  EEXIST: 'something else is there',
  ENOTEMPTY: 'the folder is not empty',
  EACCES: 'this user may not use it',
  EPERM: 'this user may not use it',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead in a circle',
  EXDEV: 'it is on another disk',
};

/** What is done to a file, by the system call that failed. */
const DOING: Readonly<Record<string, string>> = {
  mkdir: 'a folder that can be made',
  scandir: 'a folder that can be read',
};

/** `expected …, got …` for an error of the operating system about a file; undefined for any other error. */
export function fileProblem(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, path, dest } = error as NodeJS.ErrnoException & { readonly dest?: string };
  const why = code !== undefined && Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  if (why === undefined || syscall === undefined) return undefined;
  const expected = DOING[syscall] ?? 'a file that can be used';
  return `expected ${expected}, got ${dest ?? path ?? 'one that cannot'}: ${why}`;
}
