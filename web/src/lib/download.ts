// Files for the person at the screen.

/** Saves an address of ours under a name. */
export function download(url: string, name: string): void {
  const link = document.createElement('a')
  link.href = url
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
}

/** A name for a picture: what it shows, and its id. */
export function fileName(prompt: string, id: string, format: string): string {
  const words = prompt.normalize('NFKC').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 48)
  return `${words || 'easel'}-${id.slice(-6)}.${format === 'jpeg' ? 'jpg' : format}`
}
