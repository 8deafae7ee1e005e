/** The cache of the dense twin's files, with the scope in its name as in Workbox's: another page of this origin has other files. */
export function twinCache(scope: string): string {
  return `twin-${scope}`;
}
