// Short messages at the edge of the screen.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { asFailure } from '@/api/failure'
import { i18n } from '@/i18n'
import { useConsents } from './consents'
import { usePlanNeed } from './plans'

export interface Toast {
  id: number
  kind: 'info' | 'success' | 'error'
  text: string
  action?: { label: string; run: () => void }
}

const SHOWN_MS = 6000
const SHOWN_MAX = 4

export const useToasts = defineStore('toasts', () => {
  const list = ref<Toast[]>([])
  let next = 1

  function show(kind: Toast['kind'], text: string, action?: Toast['action']): number {
    const id = next++
    list.value = [...list.value.slice(1 - SHOWN_MAX), { id, kind, text, action }]
    setTimeout(() => dismiss(id), SHOWN_MS)
    return id
  }

  /** What went wrong, in the server's words; those of a server that cannot be reached are ours. */
  function fail(thrown: unknown): void {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') return
    const failure = asFailure(thrown)
    // What somebody can do about it here has words of ours, in their language: the papers are shown. If those cannot be fetched, it has been said.
    if (failure.needsConsent) {
      show('error', i18n.global.t('legal.refused'))
      return void useConsents().ask(true).catch(() => undefined)
    }
    if (failure.needsPlan) {
      usePlanNeed().reason = failure.message
      return
    }
    show('error', failure.isOffline ? i18n.global.t('error.offline') : failure.message)
  }

  function dismiss(id: number): void {
    list.value = list.value.filter((toast) => toast.id !== id)
  }

  return { list, show, fail, dismiss }
})
