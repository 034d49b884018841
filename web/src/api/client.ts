// How requests are sent. A browser is let in by cookies that scripts cannot read; what changes something repeats the readable one as a header.
// An access token that has run out is exchanged once, for all requests that wait; without accounts (single-user mode) there is neither.
import { ApiFailure, failureOf } from './failure'

export const BASE = '/api/v1'
const PROOF_COOKIE = '__Host-easel_csrf'

export interface Request {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  query?: Record<string, string | number | boolean | null | undefined>
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** The proof that a page of ours sent a request; empty without a session. */
export function proof(): string {
  const found = document.cookie.split('; ').find((cookie) => cookie.startsWith(`${PROOF_COOKIE}=`))
  return found?.slice(PROOF_COOKIE.length + 1) ?? ''
}

/** The address of a path with a query; what is undefined, null or empty is left out. */
export function address(path: string, query: Request['query'] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '')
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString()
  const full = path.startsWith('/v1/') || path.startsWith('/api/') || path.startsWith('/health') || path === '/metrics' ? path : BASE + path
  return text ? `${full}?${text}` : full
}

/** Sends a request and reads the JSON it is answered with; nothing becomes `undefined`. */
export async function call<T = void>(path: string, request: Request = {}): Promise<T> {
  const response = await send(path, request)
  if (!response.ok) throw await failureOf(response)
  const text = await response.text()
  return (text ? JSON.parse(text) : undefined) as T
}

let ended: () => void = () => undefined

/** What is done when the server no longer knows who we are: a session was ended elsewhere, or has run out for good. */
export const onSessionEnd = (work: () => void): void => void (ended = work)

/** Sends a request; a session that has run out is renewed first, and looking too often waits its turn. */
export async function send(path: string, request: Request = {}): Promise<Response> {
  const response = await patiently(path, request)
  if (response.status !== 401 || path.startsWith('/auth/')) return response
  if (!proof()) ended()
  else if (await renew()) return patiently(path, request)
  return response
}

const WAITS_MAX = 3
const WAIT_SECONDS_MAX = 5

/** What only looks is asked again when the server says that it will be soon enough; what changes something is for people to repeat. */
async function patiently(path: string, request: Request): Promise<Response> {
  for (let waits = 0; ; waits++) {
    const response = await once(path, request)
    const seconds = Math.max(1, Number(response.headers.get('retry-after') ?? WAIT_SECONDS_MAX + 1))
    const mayWait = response.status === 429 && (request.method ?? 'GET') === 'GET' && waits < WAITS_MAX && seconds <= WAIT_SECONDS_MAX
    if (!mayWait) return response
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    request.signal?.throwIfAborted()
  }
}

async function once(path: string, { method = 'GET', query, body, headers = {}, signal }: Request): Promise<Response> {
  const all: Record<string, string> = { accept: 'application/json', ...headers }
  if (method !== 'GET' && proof()) all['x-csrf-token'] = proof()
  const isForm = body instanceof FormData
  if (body !== undefined && !isForm) all['content-type'] = 'application/json'
  const content = body === undefined ? undefined : isForm ? body : JSON.stringify(body)
  try {
    return await fetch(address(path, query), { method, headers: all, body: content, signal, credentials: 'same-origin' })
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') throw thrown
    throw new ApiFailure(0, 'offline', 'the server cannot be reached')
  }
}

let renewal: Promise<boolean> | null = null

/** Exchanges the refresh token. Two exchanges of one token would end the session, so other tabs wait for this one too. */
export function renew(): Promise<boolean> {
  renewal ??= exclusively(exchange).finally(() => (renewal = null))
  return renewal
}

async function exchange(before: string): Promise<boolean> {
  // Another tab has done it while we waited.
  if (proof() !== before) return proof() !== ''
  const response = await once('/auth/refresh', { method: 'POST', body: {} })
  // A server that cannot be reached, or has too much to do, has not ended anything.
  if (response.status === 401) ended()
  return response.ok
}

async function exclusively(work: (before: string) => Promise<boolean>): Promise<boolean> {
  const before = proof()
  const run = (): Promise<boolean> => work(before).catch(() => false)
  // Pages without HTTPS have no locks, and no session either.
  const locks = navigator.locks as LockManager | null | undefined
  return locks ? locks.request('easel-refresh', run) : run()
}
