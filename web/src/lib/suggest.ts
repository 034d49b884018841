// What could come next in a prompt: pieces between commas that were written before, and styles.

export interface Suggestions {
  /** Where the piece begins that is being written. */
  start: number
  items: string[]
}

const ITEMS_MAX = 6
const PIECE_MIN = 2

/** For a text and the caret in it. Pieces that begin as it does come first, then those that contain it; each as often written. */
export function suggest(text: string, caret: number, prompts: readonly string[], styles: readonly string[]): Suggestions {
  const before = text.slice(0, caret)
  const start = Math.max(before.lastIndexOf(','), before.lastIndexOf('\n')) + 1
  const typed = before.slice(start).trimStart()
  const from = caret - typed.length
  const sought = typed.toLowerCase()
  if (sought.trim().length < PIECE_MIN) return { start: from, items: [] }
  const found = new Map<string, { text: string; score: number }>()
  const consider = (piece: string, weight: number): void => {
    const shown = piece.trim()
    const key = shown.toLowerCase()
    const at = key.indexOf(sought)
    if (at < 0 || key === sought.trim() || shown.length > 120) return
    const score = (found.get(key)?.score ?? (at === 0 ? 1000 : 0)) + weight
    found.set(key, { text: found.get(key)?.text ?? shown, score })
  }
  for (const prompt of prompts) for (const piece of prompt.split(/[,\n]/)) consider(piece, 1)
  for (const style of styles) consider(style, 1)
  const items = [...found.values()].sort((a, b) => b.score - a.score || a.text.length - b.text.length)
  return { start: from, items: items.slice(0, ITEMS_MAX).map((item) => item.text) }
}
