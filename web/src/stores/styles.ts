// Styles as the server has them, by id: what jobs and suggestions name is fetched once.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import * as api from '@/api/prompts'
import type { Style } from '@/api/types'

export const useStyles = defineStore('styles', () => {
  const known = ref<Record<string, Style>>({})

  function keep(styles: readonly Style[]): void {
    known.value = { ...known.value, ...Object.fromEntries(styles.map((style) => [style.id, style])) }
  }

  /** Fetches those that are not known. One that is gone is shown by its id. */
  async function fetch(ids: readonly string[]): Promise<void> {
    const missing = ids.filter((id) => !known.value[id])
    const found = await Promise.allSettled(missing.map(api.style))
    keep(found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])))
  }

  return { known, keep, fetch }
})
