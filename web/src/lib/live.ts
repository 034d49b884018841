// How the page hears of its jobs: by WebSocket; after two failed connections by an event stream for each job; where that fails too, by asking
// every two seconds, for five minutes at most. While it makes do, it tries the better ways again.
import { address } from '@/api/client'
import type { Job, What } from '@/api/types'

export interface Listener {
  onNews: (jobId: string, what: What) => void
  onJob: (job: Job) => void
  onWay?: (way: Way) => void
  /** A job was asked for as often as it is, and has not ended: somebody says whether to go on. */
  onTired?: (jobId: string) => void
}

export type Way = 'socket' | 'stream' | 'polling'

/** `WebSocket.OPEN`. */
const OPEN = 1
const POLL_MS = 2000
const POLLS_MAX = 150
const BACKOFF_MS = [500, 1000, 2000, 5000, 10_000, 30_000]
const SOCKET_FAILURES_MAX = 2

export class Live {
  private readonly jobs = new Set<string>()
  private readonly streams = new Map<string, EventSource>()
  private readonly polled = new Set<string>()
  private readonly polls = new Map<string, number>()
  private socket: WebSocket | null = null
  private failures = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private poll: ReturnType<typeof setInterval> | undefined

  constructor(
    private readonly listener: Listener,
    private readonly fetchJob: (id: string) => Promise<Job>,
  ) {}

  /** Hears of a job until it has ended. */
  watch(id: string): void {
    this.jobs.add(id)
    if (this.isOpen) this.say({ subscribe: id })
    else if (!this.socket && this.timer === undefined) this.connect()
    else if (this.makesDo) this.stream(id)
  }

  /** Asks for a job anew, as if it had never been asked for. */
  again(id: string): void {
    this.polls.delete(id)
    this.watch(id)
  }

  /** No longer. */
  forget(id: string): void {
    this.jobs.delete(id)
    this.polls.delete(id)
    this.endStream(id)
    if (this.isOpen) this.say({ unsubscribe: id })
    if (this.jobs.size === 0) this.close()
  }

  /** Closes and clears everything there is. */
  close(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    for (const id of [...this.streams.keys(), ...this.polled]) this.endStream(id)
    const socket = this.socket
    this.socket = null
    socket?.close()
  }

  private get isOpen(): boolean {
    return this.socket?.readyState === OPEN
  }

  private get makesDo(): boolean {
    return this.failures >= SOCKET_FAILURES_MAX
  }

  private connect(): void {
    this.timer = undefined
    let socket: WebSocket
    try {
      socket = new WebSocket(address('/ws').replace(/^/, location.origin.replace(/^http/, 'ws')))
    } catch {
      return this.failed()
    }
    this.socket = socket
    socket.onopen = () => {
      this.failures = 0
      this.listener.onWay?.('socket')
      for (const id of this.jobs) {
        this.endStream(id)
        this.polls.delete(id)
        this.say({ subscribe: id })
      }
    }
    socket.onmessage = (event) => this.heard(String(event.data))
    socket.onclose = () => {
      if (this.socket !== socket) return
      this.socket = null
      this.failed()
    }
  }

  private failed(): void {
    if (this.jobs.size === 0) return
    const wait = BACKOFF_MS[Math.min(this.failures, BACKOFF_MS.length - 1)]
    this.failures += 1
    if (this.makesDo) for (const id of this.jobs) this.stream(id)
    this.timer = setTimeout(() => this.connect(), wait)
  }

  private say(message: object): void {
    this.socket?.send(JSON.stringify(message))
  }

  private heard(text: string): void {
    const message = JSON.parse(text) as { type: string; job_id?: string; what?: What; job?: Job }
    if (message.type === 'news' && message.job_id && message.what) this.listener.onNews(message.job_id, message.what)
    if (message.type === 'job' && message.job) this.told(message.job)
  }

  private told(job: Job): void {
    if (hasEnded(job)) {
      this.jobs.delete(job.id)
      this.polls.delete(job.id)
      this.endStream(job.id)
    }
    this.listener.onJob(job)
    if (this.jobs.size === 0) this.close()
  }

  private stream(id: string): void {
    if (this.streams.has(id) || this.polled.has(id) || this.isTired(id)) return
    if (typeof EventSource === 'undefined') return this.ask(id)
    const stream = new EventSource(address(`/jobs/${encodeURIComponent(id)}/events`))
    let heard = false
    this.streams.set(id, stream)
    stream.addEventListener('job', (event) => {
      if (!heard) this.listener.onWay?.('stream')
      heard = true
      this.told(JSON.parse(event.data) as Job)
    })
    stream.addEventListener('progress', (event) => this.listener.onNews(id, JSON.parse(event.data) as What))
    stream.onerror = () => {
      // A stream that was never heard will not be; one that was is opened again by the browser.
      if (heard && stream.readyState !== EventSource.CLOSED) return
      this.endStream(id)
      if (this.jobs.has(id)) this.ask(id)
    }
  }

  private ask(id: string): void {
    this.polled.add(id)
    this.listener.onWay?.('polling')
    this.poll ??= setInterval(() => {
      for (const polled of this.polled) this.pollOnce(polled)
    }, POLL_MS)
  }

  /** A failed question keeps the old state. */
  private pollOnce(id: string): void {
    this.polls.set(id, (this.polls.get(id) ?? 0) + 1)
    if (!this.isTired(id)) return void this.fetchJob(id).then((job) => this.told(job), () => undefined)
    this.endStream(id)
    this.listener.onTired?.(id)
  }

  private isTired(id: string): boolean {
    return (this.polls.get(id) ?? 0) > POLLS_MAX
  }

  private endStream(id: string): void {
    this.streams.get(id)?.close()
    this.streams.delete(id)
    this.polled.delete(id)
    if (this.polled.size > 0) return
    clearInterval(this.poll)
    this.poll = undefined
  }
}

export const hasEnded = (job: Job): boolean => ['completed', 'failed', 'cancelled'].includes(job.state)
