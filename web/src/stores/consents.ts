// What somebody has yet to agree to: papers that have changed since they did, or that they were never asked about.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import * as legal from '@/api/legal'
import type { Paper } from '@/api/types'

export const useConsents = defineStore('consents', () => {
  const missing = ref<Paper[]>([])
  /** The papers are on the screen, to be agreed to. */
  const asking = ref(false)
  /** Something was refused until then. */
  const refused = ref(false)

  let whose = 0
  async function load(): Promise<void> {
    const mine = whose
    const said = await legal.consents()
    if (mine === whose) missing.value = said.missing
  }

  /** Shows the papers; and says so if something was refused for want of them. */
  async function ask(because = false): Promise<void> {
    refused.value = because
    await load()
    asking.value = missing.value.length > 0
  }

  async function agree(): Promise<void> {
    missing.value = (await legal.agree(missing.value)).missing
    if (missing.value.length === 0) close()
  }

  function close(): void {
    asking.value = false
    refused.value = false
  }

  /** Nothing of one person's stays for the next. */
  function clear(): void {
    whose += 1
    missing.value = []
    close()
  }

  return { missing, asking, refused, load, ask, agree, close, clear }
})
