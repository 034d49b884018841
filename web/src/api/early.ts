// What `public/early.js` asked before the scripts were here.
import type { PublicConfig } from './types'

declare global {
  interface Window {
    easelEarly?: Promise<Response> | undefined
  }
}

/** The answer, for the first who asks; null where there is no good one. */
export async function early(): Promise<PublicConfig | null> {
  const asked = window.easelEarly
  window.easelEarly = undefined
  if (!asked) return null
  return asked.then((response) => (response.ok ? (response.json() as Promise<PublicConfig>) : null)).catch(() => null)
}
