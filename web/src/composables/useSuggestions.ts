// What could be written next, asked for when somebody pauses. A question that is overtaken is dropped, one that fails suggests nothing.
import { useDebounceFn } from '@vueuse/core'
import { onScopeDispose, ref, type Ref } from 'vue'
import { suggest } from '@/api/prompts'
import type { Suggestion } from '@/api/types'
import { question } from '@/lib/suggest'

const PAUSE_MS = 120

export interface Suggestions {
  items: Ref<Suggestion[]>
  /** Characters of the text that the server was not sent. */
  skipped: Ref<number>
  ask: (text: string, caret: number, language: string) => void
  drop: () => void
}

export function useSuggestions(): Suggestions {
  const items = ref<Suggestion[]>([])
  const skipped = ref(0)
  let asking: AbortController | null = null
  let latest = 0

  const send = useDebounceFn(async (mine: number, asked: { typed: string; skipped: number }, language: string) => {
    if (mine !== latest) return
    asking = new AbortController()
    const found = await suggest(asked.typed, language, asking.signal).catch(() => [])
    if (mine !== latest) return
    items.value = found
    skipped.value = asked.skipped
  }, PAUSE_MS)

  function drop(): void {
    latest += 1
    asking?.abort()
    items.value = []
  }

  function ask(text: string, caret: number, language: string): void {
    drop()
    const asked = question(text, caret)
    if (asked) void send(latest, asked, language)
  }

  onScopeDispose(drop)
  return { items, skipped, ask, drop }
}
