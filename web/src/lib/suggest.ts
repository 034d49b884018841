// Putting a suggestion into what somebody writes.
import type { Suggestion } from '@/api/types'

/** What is sent of a long text: enough to know what was said. */
const SENT_MAX = 500
const PIECE_MIN = 2

/** The text before the caret as the server is asked about it, and how many characters before that were left out; null if it says too little. */
export function question(text: string, caret: number): { typed: string; skipped: number } | null {
  const before = [...text.slice(0, caret)]
  const skipped = Math.max(0, before.length - SENT_MAX)
  const typed = before.slice(skipped).join('')
  const piece = typed.split(/[,，、\n]/).at(-1) ?? ''
  // After a comma comes what could be said next.
  const next = piece.trim() === '' && /[,，、]\s*$/.test(typed)
  const han = /\p{Script=Han}/u.test(piece)
  return next || han || piece.trim().length >= PIECE_MIN ? { typed, skipped } : null
}

/** The text with a suggestion in it, and where the caret is then. The server counts characters, the browser halves of some. A style is chosen, not
 *  written: what was typed of it goes. */
export function accepted(text: string, caret: number, suggestion: Suggestion, skipped: number): { text: string; caret: number } {
  const kept = [...text.slice(0, caret)].slice(0, skipped + suggestion.replaces_from).join('')
  const after = text.slice(caret)
  if (suggestion.kind === 'style') {
    const tidy = kept.replace(/[,，、]\s*$/, '')
    return { text: tidy + after, caret: tidy.length }
  }
  const gap = /[,，、]$/.test(kept) ? ' ' : ''
  const before = kept + gap + suggestion.prompt
  return { text: before + after, caret: before.length }
}
