// What `public/early.js` asked before the scripts were here.
import type { Page, Picture, PublicConfig } from './types'

declare global {
  interface Window {
    easelEarly?: Promise<Response> | undefined
    easelPictures?: Promise<Response | null> | undefined
  }
}

async function read<T>(asked: Promise<Response | null> | undefined): Promise<T | null> {
  if (!asked) return null
  return asked.then((response) => (response?.ok ? (response.json() as Promise<T>) : null)).catch(() => null)
}

/** The answer, for the first who asks; null where there is no good one. */
export function early(): Promise<PublicConfig | null> {
  const asked = window.easelEarly
  window.easelEarly = undefined
  return read(asked)
}

/** The first page of somebody's own pictures, for the first who asks for any; null where it is not the one that is asked for. */
export function earlyPictures(path: string): Promise<Page<Picture> | null> {
  const asked = window.easelPictures
  window.easelPictures = undefined
  return path === '/images?limit=100' ? read(asked) : Promise.resolve(null)
}
