// What somebody has yet to agree to: papers that have changed since they did, or that they were never asked about.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import * as legal from '@/api/legal'
import type { Paper } from '@/api/types'

export const useConsents = defineStore('consents', () => {
  const missing = ref<Paper[]>([])
  /** The papers are on the screen, to be agreed to. */
  const asking = ref(false)
  /** What was refused until then, in the server's words. */
  const reason = ref<string | null>(null)

  let whose = 0
  async function load(): Promise<void> {
    const mine = whose
    const said = await legal.consents()
    if (mine === whose) missing.value = said.missing
  }

  /** Shows the papers; with what was refused for want of them. */
  async function ask(why: string | null = null): Promise<void> {
    reason.value = why
    await load()
    asking.value = missing.value.length > 0
  }

  async function agree(): Promise<void> {
    missing.value = (await legal.agree(missing.value)).missing
    if (missing.value.length === 0) close()
  }

  function close(): void {
    asking.value = false
    reason.value = null
  }

  /** Nothing of one person's stays for the next. */
  function clear(): void {
    whose += 1
    missing.value = []
    close()
  }

  return { missing, asking, reason, load, ask, agree, close, clear }
})
