// A blurhash (blurha.sh) as a small picture; the last few hundred are kept.
import { decode } from 'blurhash'

const SIDE = 32
const KEPT_MAX = 500
const kept = new Map<string, string>()

/** Where the placeholder is, as a `data:` address; null if the hash is none. */
export function placeholder(hash: string | null): string | null {
  if (!hash) return null
  const known = kept.get(hash)
  if (known) return known
  try {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = SIDE
    const context = canvas.getContext('2d')
    if (!context) return null
    const pixels = context.createImageData(SIDE, SIDE)
    pixels.data.set(decode(hash, SIDE, SIDE))
    context.putImageData(pixels, 0, 0)
    if (kept.size >= KEPT_MAX) kept.delete(kept.keys().next().value ?? '')
    const url = canvas.toDataURL()
    kept.set(hash, url)
    return url
  } catch {
    return null
  }
}
