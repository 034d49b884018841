// The three ways of hearing, against sockets and streams that do as they are told.
import { beforeEach, expect, it, vi } from 'vitest'
import { Live, type Way } from '@/lib/live'
import type { Job, What } from '@/api/types'
import { job } from './samples'

class Socket {
  static all: Socket[] = []
  static readonly OPEN = 1
  readyState = 0
  said: string[] = []
  onopen?: () => void
  onclose?: () => void
  onmessage?: (event: { data: string }) => void
  constructor(readonly url: string) { Socket.all.push(this) }
  send(text: string): void { this.said.push(text) }
  close(): void { this.readyState = 3; this.onclose?.() }
  open(): void { this.readyState = 1; this.onopen?.() }
  hear(message: object): void { this.onmessage?.({ data: JSON.stringify(message) }) }
}

class Stream {
  static all: Stream[] = []
  static readonly CLOSED = 2
  readyState = 1
  closed = false
  onerror?: () => void
  hearers: Record<string, (event: { data: string }) => void> = {}
  constructor(readonly url: string) { Stream.all.push(this) }
  addEventListener(name: string, hearer: (event: { data: string }) => void): void { this.hearers[name] = hearer }
  close(): void { this.closed = true }
  tell(name: string, data: object): void { this.hearers[name]?.({ data: JSON.stringify(data) }) }
}

let news: [string, What][]
let jobs: Job[]
let ways: Way[]
let live: Live
let tired: string[]
const fetchJob = vi.fn<(id: string) => Promise<Job>>()

beforeEach(() => {
  vi.useFakeTimers()
  Socket.all = []
  Stream.all = []
  news = []
  jobs = []
  ways = []
  tired = []
  vi.stubGlobal('WebSocket', Socket)
  vi.stubGlobal('EventSource', Stream)
  fetchJob.mockReset()
  live = new Live({ onNews: (id, what) => news.push([id, what]), onJob: (told) => jobs.push(told), onWay: (way) => ways.push(way), onTired: (id) => tired.push(id) }, fetchJob)
})

const socket = (): Socket => Socket.all.at(-1) as Socket

it('subscribes over one socket, and closes it when the last job has ended', () => {
  live.watch('j1')
  live.watch('j2')
  expect(Socket.all).toHaveLength(1)
  expect(socket().url).toMatch(/^ws.*\/api\/v1\/ws$/)
  socket().open()
  expect(socket().said).toEqual(['{"subscribe":"j1"}', '{"subscribe":"j2"}'])
  socket().hear({ type: 'news', job_id: 'j1', what: { type: 'step', index: 1, total: 4, seconds_left: 2 } })
  expect(news).toEqual([['j1', { type: 'step', index: 1, total: 4, seconds_left: 2 }]])
  socket().hear({ type: 'job', job: job({ id: 'j1', state: 'completed' }) })
  expect(socket().readyState).toBe(1)
  live.forget('j2')
  expect(socket().said.at(-1)).toBe('{"unsubscribe":"j2"}')
  expect(socket().readyState).toBe(3)
  expect(jobs.map(({ id }) => id)).toEqual(['j1'])
  expect(vi.getTimerCount()).toBe(0)
})

it('connects again with longer waits, and subscribes again', () => {
  live.watch('j1')
  socket().open()
  socket().close()
  expect(Socket.all).toHaveLength(1)
  vi.advanceTimersByTime(500)
  expect(Socket.all).toHaveLength(2)
  socket().open()
  expect(socket().said).toEqual(['{"subscribe":"j1"}'])
})

it('falls back to streams after two failures, and to polling where those fail', async () => {
  live.watch('j1')
  socket().close()
  vi.advanceTimersByTime(500)
  socket().close()
  expect(Stream.all.map(({ url }) => url)).toEqual(['/api/v1/jobs/j1/events'])
  Stream.all[0]?.tell('job', job())
  Stream.all[0]?.tell('progress', { type: 'started' })
  expect(news).toEqual([['j1', { type: 'started' }]])
  live.watch('j2')
  Stream.all[1]?.onerror?.()
  expect(ways).toEqual(['stream', 'polling'])
  fetchJob.mockRejectedValueOnce(new Error('x')).mockResolvedValueOnce(job({ id: 'j2', state: 'completed' }))
  await vi.advanceTimersByTimeAsync(2000)
  expect(jobs.at(-1)?.id).toBe('j1')
  await vi.advanceTimersByTimeAsync(2000)
  expect(jobs.at(-1)).toMatchObject({ id: 'j2', state: 'completed' })
  Stream.all[0]?.tell('job', job({ state: 'failed' }))
  expect(Stream.all[0]?.closed).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
})

it('goes back to the socket when it can', () => {
  live.watch('j1')
  socket().close()
  vi.advanceTimersByTime(500)
  socket().close()
  expect(Stream.all).toHaveLength(1)
  vi.advanceTimersByTime(1000)
  socket().open()
  expect(Stream.all[0]?.closed).toBe(true)
  expect(ways.at(-1)).toBe('socket')
})

it('asks where there is neither socket nor stream', async () => {
  vi.stubGlobal('WebSocket', class { static readonly OPEN = 1; constructor() { throw new Error('blocked') } })
  vi.stubGlobal('EventSource', undefined)
  fetchJob.mockResolvedValue(job({ state: 'completed' }))
  live.watch('j1')
  await vi.advanceTimersByTimeAsync(500)
  await vi.advanceTimersByTimeAsync(2000)
  expect(jobs.map(({ state }) => state)).toEqual(['completed'])
})

it('asks for five minutes at most, and then for as long again when somebody says so', async () => {
  vi.stubGlobal('WebSocket', class { static readonly OPEN = 1; constructor() { throw new Error('blocked') } })
  vi.stubGlobal('EventSource', undefined)
  fetchJob.mockResolvedValue(job())
  live.watch('j1')
  await vi.advanceTimersByTimeAsync(500 + 150 * 2000)
  expect([fetchJob.mock.calls.length, tired]).toEqual([150, []])
  await vi.advanceTimersByTimeAsync(2000)
  expect([fetchJob.mock.calls.length, tired]).toEqual([150, ['j1']])
  // Looking for a socket, which goes on, does not begin it again.
  await vi.advanceTimersByTimeAsync(120_000)
  expect(fetchJob).toHaveBeenCalledTimes(150)
  live.again('j1')
  await vi.advanceTimersByTimeAsync(2000)
  expect(fetchJob).toHaveBeenCalledTimes(151)
  live.forget('j1')
  expect(vi.getTimerCount()).toBe(0)
})
