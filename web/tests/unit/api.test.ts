import { beforeEach, describe, expect, it, vi } from 'vitest'
import * as images from '@/api/images'
import { address, call, onSessionEnd, proof } from '@/api/client'
import { ApiFailure, asFailure } from '@/api/failure'
import { Refusal, server } from './server'

let cookies = ''
beforeEach(() => {
  cookies = ''
  vi.spyOn(document, 'cookie', 'get').mockImplementation(() => cookies)
})

it('addresses leave out what is not said', () => {
  expect(address('/images', { q: 'a b', cursor: null, limit: 5, x: undefined, y: '' })).toBe('/api/v1/images?q=a+b&limit=5')
  expect(address('/v1/models')).toBe('/v1/models')
})

describe('a request', () => {
  it('proves its origin when it changes something, and only then', async () => {
    cookies = 'a=b; __Host-easel_csrf=pr00f'
    const { asked } = server({ 'GET /api/v1/x': {}, 'POST /api/v1/x': {} })
    await call('/x')
    await call('/x', { method: 'POST', body: { a: 1 } })
    expect(proof()).toBe('pr00f')
    expect(asked.map(({ headers }) => headers['x-csrf-token'])).toEqual([undefined, 'pr00f'])
    expect(asked[1]).toMatchObject({ body: { a: 1 }, headers: { 'content-type': 'application/json' } })
  })

  it('renews a session that ran out, once for all who wait', async () => {
    cookies = '__Host-easel_csrf=old'
    let good = false
    const { of } = server({
      'GET /api/v1/x': () => (good ? { ok: 1 } : new Refusal(401)),
      'POST /api/v1/auth/refresh': () => {
        good = true
        return {}
      },
    })
    expect(await Promise.all([call('/x'), call('/x')])).toEqual([{ ok: 1 }, { ok: 1 }])
    expect(of('POST /api/v1/auth/refresh')).toHaveLength(1)
  })

  it('tells of a session that has ended, and of none that only could not be renewed', async () => {
    const ended = vi.fn()
    onSessionEnd(ended)
    cookies = '__Host-easel_csrf=old'
    server({ 'GET /api/v1/x': new Refusal(401), 'POST /api/v1/auth/refresh': new TypeError('no connection') })
    await expect(call('/x')).rejects.toMatchObject({ status: 401 })
    server({ 'GET /api/v1/x': new Refusal(401), 'POST /api/v1/auth/refresh': new Refusal(503) })
    await expect(call('/x')).rejects.toMatchObject({ status: 401 })
    expect(ended).not.toHaveBeenCalled()
    server({ 'GET /api/v1/x': new Refusal(401), 'POST /api/v1/auth/refresh': new Refusal(401) })
    await expect(call('/x')).rejects.toMatchObject({ status: 401 })
    expect(ended).toHaveBeenCalledTimes(1)
    cookies = ''
    await expect(call('/x')).rejects.toMatchObject({ status: 401 })
    expect(ended).toHaveBeenCalledTimes(2)
    onSessionEnd(() => undefined)
  })

  it('gives up where there is no session', async () => {
    const { asked } = server({ 'GET /api/v1/x': new Refusal(401, 'unauthenticated') })
    await expect(call('/x')).rejects.toMatchObject({ isUnauthenticated: true, code: 'unauthenticated' })
    expect(asked).toHaveLength(1)
  })

  it('says what went wrong, in the server’s words or its own', async () => {
    server({ 'GET /api/v1/a': new Refusal(402, 'insufficient_credits', 'too dear', 'n'), 'GET /api/v1/b': new Response('<html>', { status: 502 }), 'GET /api/v1/c': new TypeError('x') })
    await expect(call('/a')).rejects.toMatchObject({ status: 402, message: 'too dear', param: 'n', needsPlan: true })
    await expect(call('/b')).rejects.toMatchObject({ status: 502, code: 'unknown' })
    await expect(call('/c')).rejects.toMatchObject({ isOffline: true })
    await expect(call('/none')).rejects.toMatchObject({ isMissing: true })
    expect(asFailure('odd')).toBeInstanceOf(ApiFailure)
  })

  it('waits its turn when it only looks, and not for long', async () => {
    vi.useFakeTimers()
    const busy = (seconds: string): Response => new Response('{"error":{"code":"rate_limited","message":"slow"}}', { status: 429, headers: { 'retry-after': seconds } })
    let refusals = 2
    const { of } = server({ 'GET /api/v1/x': () => (refusals-- > 0 ? busy('0') : { ok: 1 }), 'POST /api/v1/x': () => busy('1'), 'GET /api/v1/y': () => busy('60'), 'GET /api/v1/z': () => busy('1') })
    const looked = call('/x')
    await vi.advanceTimersByTimeAsync(2000)
    expect(await looked).toEqual({ ok: 1 })
    await expect(call('/x', { method: 'POST' })).rejects.toMatchObject({ status: 429 })
    await expect(call('/y')).rejects.toMatchObject({ status: 429, retryAfter: 60 })
    const never = expect(call('/z')).rejects.toMatchObject({ status: 429 })
    await vi.advanceTimersByTimeAsync(4000)
    await never
    expect(of('GET /api/v1/z')).toHaveLength(4)
    vi.useRealTimers()
  })

  it('an answer without a body is nothing', async () => {
    server({ 'DELETE /api/v1/images/i': null })
    expect(await call('/images/i', { method: 'DELETE' })).toBeUndefined()
  })
})

it('a file is sent as the part `file`, and its progress told', async () => {
  const sent: { body?: FormData; headers: Record<string, string>; url?: string } = { headers: {} }
  class Xhr {
    upload: { onprogress?: (event: object) => void } = {}
    status = 201
    responseText = JSON.stringify({ id: 'up1', width: 1, height: 1, format: 'png', bytes: 1, created_at: '' })
    onload?: () => void
    open(_: string, url: string): void { sent.url = url }
    setRequestHeader(name: string, value: string): void { sent.headers[name] = value }
    send(body: FormData): void {
      sent.body = body
      this.upload.onprogress?.({ lengthComputable: true, loaded: 1, total: 2 })
      this.onload?.()
    }
  }
  vi.stubGlobal('XMLHttpRequest', Xhr)
  cookies = '__Host-easel_csrf=p'
  const parts: number[] = []
  const upload = await images.upload(new Blob(['x'], { type: 'image/png' }), 'x.png', (part) => parts.push(part))
  expect(upload.id).toBe('up1')
  expect(parts).toEqual([0.5])
  expect(sent).toMatchObject({ url: '/api/v1/images/upload', headers: { 'x-csrf-token': 'p' } })
  expect(sent.body?.has('file')).toBe(true)
})
