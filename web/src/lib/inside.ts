/** A place of ours to go on to: a path, and never another site's address, whatever a link says. */
export function inside(next: unknown, otherwise = '/generate'): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : otherwise
}
