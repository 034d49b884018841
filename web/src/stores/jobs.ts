// What is being drawn, and the latest of what was: the history at the side of the form.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import * as images from '@/api/images'
import * as api from '@/api/jobs'
import type { DrawingBody, Job, What } from '@/api/types'
import { Live, hasEnded, type Way } from '@/lib/live'

/** How far a job is, beyond what its row says. */
export interface Progress {
  phase: 'sending' | 'queued' | 'waiting' | 'drawing' | 'decoding' | 'cancelling' | 'ended'
  position: number | null
  step: number
  steps: number
  secondsLeft: number | null
  /** When that was said. */
  saidAt: number
  /** What each picture looks like so far, as `data:` addresses. */
  previews: Record<number, string>
  /** It is no longer asked for. */
  tired: boolean
}

const fresh = (): Progress => ({ phase: 'queued', position: null, step: 0, steps: 0, secondsLeft: null, saidAt: Date.now(), previews: {}, tired: false })

export const useJobs = defineStore('jobs', () => {
  const jobs = ref<Record<string, Job>>({})
  const progress = ref<Record<string, Progress>>({})
  const next = ref<string | null>(null)
  const loaded = ref(false)
  const way = ref<Way>('socket')
  const enders = new Set<(job: Job) => void>()
  const live = new Live({ onNews: news, onJob: keep, onWay: (now) => (way.value = now), onTired: tire }, api.get)

  const list = computed(() => Object.values(jobs.value).sort((a, b) => (a.created_at < b.created_at ? 1 : -1)))
  const open = computed(() => list.value.filter((job) => !hasEnded(job)))

  /** Tells of every job that ends, until what it returns is called. */
  function onEnd(tell: (job: Job) => void): () => void {
    enders.add(tell)
    return () => enders.delete(tell)
  }

  function keep(job: Job): void {
    const before = jobs.value[job.id]
    // Lists come without pictures.
    jobs.value[job.id] = { ...job, images: job.images ?? before?.images }
    if (!hasEnded(job)) {
      const now = (progress.value[job.id] ??= fresh())
      if (now.tired) askAgain(job.id)
      else live.watch(job.id)
      return
    }
    const justEnded = progress.value[job.id] !== undefined
    live.forget(job.id)
    progress.value = Object.fromEntries(Object.entries(progress.value).filter(([id]) => id !== job.id))
    if (justEnded) for (const tell of enders) tell(job)
  }

  function news(id: string, what: What): void {
    // Another page of ours has ordered it.
    if (!jobs.value[id]) {
      if (what.type === 'queued') void api.get(id).then(keep, () => undefined)
      return
    }
    const now = (progress.value[id] ??= fresh())
    now.tired = false
    const left = (seconds: number): void => void Object.assign(now, { secondsLeft: seconds, saidAt: Date.now() })
    switch (what.type) {
      case 'waiting':
        now.phase = 'waiting'
        now.position = what.position
        return left(what.seconds_left)
      case 'started':
        now.phase = 'drawing'
        now.position = null
        return
      case 'step':
        Object.assign(now, { phase: 'drawing', position: null, step: what.index, steps: what.total })
        return left(what.seconds_left)
      case 'preview':
        now.previews = { ...now.previews, [what.picture]: `data:image/jpeg;base64,${what.jpeg}` }
        return
      case 'decoded':
        now.phase = 'decoding'
        return
      case 'cancel_requested':
        now.phase = 'cancelling'
        return
      case 'queued':
        now.phase = 'queued'
        return
      case 'ended':
        void api.get(id).then(keep, () => undefined)
    }
  }

  function tire(id: string): void {
    const now = progress.value[id]
    if (now) now.tired = true
  }

  /** Goes on asking for a job that was given up. */
  function askAgain(id: string): void {
    const now = progress.value[id]
    if (now) now.tired = false
    live.again(id)
  }

  /** Orders pictures. The same click never orders twice, however often it is sent. */
  async function submit(body: DrawingBody): Promise<Job> {
    const key = crypto.randomUUID()
    const job = await images.generate(body, key).catch((failure: unknown) => {
      const lost = failure instanceof Error && 'isOffline' in failure && failure.isOffline
      if (!lost) throw failure
      return images.generate(body, key)
    })
    keep(job)
    return job
  }

  async function cancel(id: string): Promise<void> {
    const now = progress.value[id]
    const before = now?.phase
    if (now) now.phase = 'cancelling'
    try {
      keep(await api.cancel(id))
    } catch (failure) {
      if (now && before) now.phase = before
      throw failure
    }
  }

  /** A page of the history; the first, or the one after the last. */
  async function load(more = false): Promise<void> {
    const page = await api.list(more ? next.value : null)
    next.value = page.next
    loaded.value = true
    page.data.forEach(keep)
  }

  /** A job with its pictures. */
  async function detailed(id: string): Promise<Job> {
    const known = jobs.value[id]
    if (known?.images && hasEnded(known)) return known
    keep(await api.get(id))
    return jobs.value[id] as Job
  }

  function clear(): void {
    live.close()
    jobs.value = {}
    progress.value = {}
    loaded.value = false
  }

  return { jobs, progress, list, open, next, loaded, way, onEnd, keep, news, askAgain, submit, cancel, load, detailed, clear }
})
