// What somebody's plan or credits did not allow last. It is shown wherever it happens, with what would help.
import { defineStore } from 'pinia'
import { ref } from 'vue'

export const usePlanNeed = defineStore('planNeed', () => {
  /** In the server's words, which name what is missing. */
  const reason = ref<string | null>(null)
  return { reason }
})
