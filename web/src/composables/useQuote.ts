// What the form would cost, asked for when nobody has typed for a third of a second.
import { watchDebounced } from '@vueuse/core'
import { onScopeDispose, ref, shallowRef, type Ref } from 'vue'
import { quote as ask } from '@/api/images'
import { asFailure, type ApiFailure } from '@/api/failure'
import type { DrawingBody, Quote } from '@/api/types'

export function useQuote(body: Ref<DrawingBody>) {
  const quote = shallowRef<Quote | null>(null)
  const failure = ref<ApiFailure | null>(null)
  let pending: AbortController | null = null
  onScopeDispose(() => pending?.abort())

  async function run(): Promise<void> {
    pending?.abort()
    const mine = (pending = new AbortController())
    try {
      // The price does not depend on the words.
      quote.value = await ask({ ...body.value, prompt: body.value.prompt || '-' }, mine.signal)
      failure.value = null
    } catch (thrown) {
      if (mine.signal.aborted) return
      failure.value = asFailure(thrown)
      quote.value = null
    }
  }

  const priced = (): string => JSON.stringify({ ...body.value, prompt: '', negative_prompt: '' })
  watchDebounced(priced, run, { debounce: 300, immediate: true })
  return { quote, failure, run }
}
