// How many tokens a prompt has, and where the text encoder's chunks end. The tokenizer is fetched once, when the first prompt is written.
import { shallowRef, watchEffect, type Ref, type ShallowRef } from 'vue'
import { ClipCounter, countPrompt, type PromptCount } from '@/lib/clip'

let counter: Promise<ClipCounter> | null = null

async function fetchCounter(): Promise<ClipCounter> {
  const response = await fetch('/assets/clip-merges.txt')
  if (!response.ok) throw new Error(response.statusText)
  return new ClipCounter(await response.text())
}

export function useTokens(prompt: Ref<string>): ShallowRef<PromptCount | null> {
  const count = shallowRef<PromptCount | null>(null)
  watchEffect(() => {
    const text = prompt.value
    if (!text.trim()) {
      count.value = null
      return
    }
    counter ??= fetchCounter()
    counter.then(
      (ready) => {
        if (text === prompt.value) count.value = countPrompt(ready, text)
      },
      // Without it nothing is counted; the next prompt tries again.
      () => (counter = null),
    )
  })
  return count
}
