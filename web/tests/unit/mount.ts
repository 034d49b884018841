// Mounts a component with a router that knows every page, and a server that has a little of everything.
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import type { Component } from 'vue'
import { vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { archive, auditRow, device, job, model, node, picture, purchase, queuedJob, reported, said, shown, standing, style, user, written } from './samples'
import { server, type Asked } from './server'

const page = <T>(data: T[]): { data: T[]; next: string | null } => ({ data, next: null })

/** What became of each picture of a bulk action: all was done. */
export const allDone = ({ body }: Asked): unknown => ({ results: (body as { ids: string[] }).ids.map((id) => ({ id, result: 'done' })) })
const link = { id: 'l', image_id: 'p0', shows_prompt: false, view_count: 2, created_at: '2026-11-28T10:00:00Z', expires_at: null, revoked_at: null }

/** Waits until it holds: on a machine that does much else at once a second is not enough, and nobody waits longer than it takes. */
export const until = <T>(holds: () => T | Promise<T>): Promise<T> => vi.waitFor(holds, { timeout: 10_000 })

export const PLANS = [
  { name: 'free', title: 'Free', price_cents: null, signup_credits: 100, daily_credits: 10, monthly_credits: 0, unlimited_credits: false, images_daily_max: 10, storage_bytes_max: 1e9, watermark: true, model_tier: 'basic', api_access: false, commercial_licence: false, sla: false, white_label: false },
  { name: 'pro', title: 'Pro', price_cents: 2999, signup_credits: 0, daily_credits: 0, monthly_credits: 1000, unlimited_credits: true, images_daily_max: null, storage_bytes_max: null, watermark: false, model_tier: 'all', api_access: true, commercial_licence: true, sla: true, white_label: false },
]

export const WORLD: Record<string, unknown> = {
  'GET /api/v1/users/me': user({ role: 'superuser' }),
  'GET /api/v1/config/public': { registration: true, billing: true, needs_setup: false, max_upload_bytes: 10485760, upload_types: ['image/png'] },
  'GET /api/v1/auth/oidc': [{ name: 'google', title: 'Google', start: '/api/v1/auth/oidc/google/start' }],
  'GET /api/v1/legal': [],
  'GET /api/v1/users/me/consents': { given: [], missing: [] },
  'GET /api/v1/jobs': page([job({ id: 'old', state: 'completed', images_delivered: 2 }), job({ id: 'bad', state: 'failed', error: { code: 'x', message: 'out of memory' } })]),
  'GET /api/v1/jobs/old': job({ id: 'old', state: 'completed', images: [picture({ id: 'p0', job_id: 'old' }), picture({ id: 'p1', job_id: 'old' })] }),
  'GET /api/v1/jobs/j1': job({ state: 'completed', images: [picture({ id: 'p0' })] }),
  'GET /api/v1/models': [model('builtin'), model('other')],
  'POST /api/v1/images/quote': { model: 'builtin', images: 1, unit_price: '1', total: '2', available: '99', charged: true, backlog_seconds: 5 },
  'POST /api/v1/images/generate': job(),
  'POST /api/v1/images/p0/variations': job({ id: 'v' }),
  'POST /api/v1/images/p0/upscale': job({ id: 'u' }),
  'GET /api/v1/images': page([picture({ id: 'p0' }), picture({ id: 'p1' })]),
  'GET /api/v1/images/p0': picture({ id: 'p0' }),
  'PATCH /api/v1/images/p0': picture({ id: 'p0', title: 'new' }),
  'POST /api/v1/images/p0/public': null,
  'GET /api/v1/images/p0/file': () => new Response('x', { headers: { 'content-type': 'image/png' } }),
  'GET /api/v1/styles': { data: [style(), style({ id: 'oil', names: { en: 'Oil', zh: '油画', ru: 'Масло' } })], total: 2, next: null, catalogue: 'c' },
  'GET /api/v1/styles/ink': style(),
  'GET /api/v1/styles/categories': [
    { id: 'drawing', names: { en: 'Drawing', zh: '素描', ru: 'Рисунок' }, parent: null, styles: 2 },
    { id: 'drawing/brush', names: { en: 'Brush', zh: '毛笔', ru: 'Кисть' }, parent: 'drawing', styles: 1 },
  ],
  'GET /api/v1/prompts/random': { seed: 1, prompt: 'a paper boat on a puddle', names: { en: 'a paper boat on a puddle', zh: '纸船', ru: 'кораблик' } },
  'GET /api/v1/prompts/suggest': [],
  'GET /api/v1/prompts/terms': [{ id: 'light-candlelight', slot: 'light', names: { en: 'candlelight', zh: '烛光', ru: 'свет свечи' } }],
  'POST /api/v1/prompts/build': ({ body }: Asked) => ({ raw_prompt: `${(body as { subject: string }).subject}, candlelight`, prompt: '', negative_prompt: null, styles: [] }),
  'GET /api/v1/prompts/history': [written(), written({ id: 'v', prompt: 'a blue square', styles: [] })],
  'DELETE /api/v1/prompts/history': null,
  'DELETE /api/v1/prompts/history/w': null,
  'POST /api/v1/prompts/enhance': ({ body }: Asked) => ({ prompt: `${(body as { prompt: string }).prompt}, candlelight`, negative_prompt: 'blurry', added: [], seed: 1, by: 'rules', fell_back: null }),
  'GET /api/v1/albums': [{ id: 'al', title: 'Trip', cover_image_id: null, image_count: 2, created_at: '', updated_at: '' }],
  'POST /api/v1/albums': { id: 'new', title: 'New', cover_image_id: null, image_count: 0, created_at: '', updated_at: '' },
  'GET /api/v1/tags': [{ tag: 'sea', image_count: 2 }],
  'POST /api/v1/images/bulk': allDone,
  'GET /api/v1/images/public': page([shown()]),
  'GET /api/v1/images/p0/public': shown(),
  'GET /api/v1/images/p0/template': { image_id: 'p0', prompt: 'a red circle', model: 'builtin', width: 512, height: 512, parameters: { num_inference_steps: 9, guidance_scale: 2, seed: 7, negative_prompt: 'blur' } },
  'POST /api/v1/images/p0/share': { ...link, token: 'is_x' },
  'GET /api/v1/shares': [link, { ...link, id: 'old', revoked_at: '2026-11-28T10:00:00Z' }],
  'DELETE /api/v1/shares/l': null,
  'GET /api/v1/shared/is_x': shown({ url: '/api/v1/shared/is_x/file', thumbnail_url: null }),
  'PUT /api/v1/images/p0/like': { like_count: 4 },
  'DELETE /api/v1/images/p0/like': { like_count: 3 },
  'POST /api/v1/images/p0/report': null,
  'GET /api/v1/images/p0/comments': page([said()]),
  'POST /api/v1/images/p0/comments': said({ id: 'd', body: 'Indeed', user_id: 'u1', username: 'ada' }),
  'DELETE /api/v1/comments/d': null,
  'GET /api/v1/subscriptions/plans': PLANS,
  'GET /api/v1/credits/packs': { data: [{ id: 'a', title: '100 credits', credits: '100', price_cents: 499, currency: 'usd' }] },
  'GET /api/v1/credits/purchases': page([]),
  'GET /api/v1/admin/purchases': page([purchase()]),
  'POST /api/v1/admin/purchases/o/paid': purchase({ state: 'paid' }),
  'GET /api/v1/credits/balance': { available: '99', pending: '1', earned: '100', spent: '1', metered: '0', grants: [{ source: 'signup', amount: '100', remaining: '99', expires_at: '2026-12-01T00:00:00Z' }] },
  'GET /api/v1/credits/history': page([{ id: 't', kind: 'capture', amount: '1', posted_after: '99', job_id: null, reason: 'one picture', created_at: '2026-11-28T10:00:00Z' }]),
  'GET /api/v1/users/me/subscription': { plan: PLANS[0], ends_at: null, subscription: null },
  'GET /api/v1/users/me/stats': [{ day: new Date().toISOString().slice(0, 10), jobs: 1, images: 3, credits: '3', bytes: 1000, gpu_ms: 5 }],
  'GET /api/v1/users/me/sessions': [{ id: 's1', user_agent: 'Firefox', ip: '::1', created_at: '2026-11-28T10:00:00Z', last_used_at: '2026-11-28T10:00:00Z', expires_at: '2026-11-28T10:00:00Z', is_current: false }],
  'DELETE /api/v1/users/me/sessions/s1': null,
  'GET /api/v1/api-keys': [{ id: 'k', name: 'script', prefix: 'ik_a', scopes: ['generate'], created_at: '2026-11-28T10:00:00Z', expires_at: null, jobs_monthly_max: 50, credits_monthly_max: null, last_used_at: null, revoked_at: null }],
  'POST /api/v1/api-keys': { id: 'n', key: 'ik_secret', name: 'n', prefix: 'ik_s', scopes: [], created_at: '', expires_at: null, jobs_monthly_max: null, credits_monthly_max: null, last_used_at: null, revoked_at: null },
  'PATCH /api/v1/api-keys/k': {},
  'DELETE /api/v1/api-keys/k': null,
  'PATCH /api/v1/users/me': user({ username: 'countess' }),
  'PUT /api/v1/users/me/password': null,
  'GET /api/v1/users/me/export': archive(),
  'POST /api/v1/users/me/export': archive({ state: 'pending' }),
  'DELETE /api/v1/users/me': null,
  'GET /api/v1/admin/users': page([user(), user({ id: 'u2', username: 'grace' })]),
  'PATCH /api/v1/admin/users/u2': user({ id: 'u2', username: 'grace', is_active: false }),
  'POST /api/v1/admin/users/u2/credits': null,
  'GET /api/v1/admin/moderation': page([reported()]),
  'GET /api/v1/admin/moderation/r': { case: reported(), reports: [{ reporter_id: 'u3', category: 'spam', note: 'again and again', created_at: '2026-11-28T10:00:00Z' }] },
  'POST /api/v1/admin/moderation/r/decision': null,
  'POST /api/v1/admin/moderation/r/close': null,
  'GET /api/v1/admin/jobs': page([queuedJob({ id: 'j' })]),
  'GET /api/v1/admin/devices': { data: [device] },
  'GET /api/v1/admin/nodes': { data: [node()] },
  'GET /api/v1/admin/models': { data: [{ id: 'builtin', family: 'sd1', weight_bytes: 28e6, is_default: true, devices: [] }] },
  'POST /api/v1/admin/models/builtin/load': null,
  'GET /api/v1/admin/providers': { enabled: true, data: [standing] },
  'POST /api/v1/admin/providers/fal/open': null,
  'GET /api/v1/admin/audit': { data: [auditRow(2)], next: null },
  'GET /api/v1/admin/config': { data: [{ key: 'server.port', value: '1', from: 'default' }, { key: 'database.url', value: '(redacted)', from: 'environment' }] },
  'GET /api/v1/admin/stats': { users: 2, jobs_queued: 1, jobs_processing: 0, node_queued: 0, node_active: 0, node_backlog_seconds: 0, days: [] },
  'GET /metrics': () => new Response('easel_up 1\n'),
  'GET /api/v1/users/me/external': { allow_external: false, providers: [], regions: [] },
  'PUT /api/v1/users/me/external': ({ body }: Asked) => body,
  'GET /api/v1/api-configs': [{ id: 'c', name: 'Mine', provider: 'openai', base_url: null, key_hint: 'wxyz', model: 'gpt-image-1', is_active: true, created_at: '', updated_at: '' }],
  'PUT /api/v1/api-configs/c': {},
  'POST /api/v1/api-configs': {},
  'POST /api/v1/api-configs/c/test': { ok: true, code: 'ok' },
  'DELETE /api/v1/api-configs/c': null,
  'POST /api/v1/auth/login': { user: user() },
  'POST /api/v1/auth/logout': null,
  'POST /api/v1/auth/register': user(),
  'POST /api/v1/auth/verify-email': null,
  'POST /api/v1/auth/verify-email/resend': null,
  'POST /api/v1/auth/reset-password': null,
  'POST /api/v1/auth/reset-password/confirm': null,
  'POST /api/v1/setup': user(),
}

class Socket {
  static readonly OPEN = 1
  readyState = 0
  close(): void {}
  send(): void {}
}

export interface Mounted {
  wrapper: VueWrapper
  asked: ReturnType<typeof server>
  push: ReturnType<typeof vi.fn>
  /** Clicks what is called so, here or in a dialog. */
  click: (name: string | RegExp) => Promise<void>
  text: () => string
}

const name = (element: Element): string => (element.getAttribute('aria-label') ?? element.textContent ?? '').trim()

export async function show(component: Component, { props = {}, path = '/', world = {} as Record<string, unknown> } = {}): Promise<Mounted> {
  const asked = server({ ...WORLD, ...world })
  vi.stubGlobal('WebSocket', Socket)
  const blank = { template: '<i />' }
  const paths = ['/', '/login', '/register', '/images/:id', '/explore/:id', '/shared/:token', '/:rest(.*)*']
  const routes = paths.map((at) => ({ path: at, component: blank, ...(at === '/login' ? { name: 'login' } : at === '/register' ? { name: 'register' } : {}) }))
  const router = createRouter({ history: createMemoryHistory(), routes })
  await router.push(path)
  const push = vi.fn(() => Promise.resolve())
  router.push = push as unknown as typeof router.push
  router.replace = push as unknown as typeof router.replace
  const wrapper = mount(component, { props, attachTo: document.body, global: { plugins: [router] } })
  await flushPromises()
  return {
    wrapper,
    asked,
    push,
    text: () => document.body.textContent ?? '',
    click: async (sought) => {
      const all = [...document.querySelectorAll('button, a, summary, [role=option], [role=tab], [role=radio], label:has(input)')]
      const found = all.find((element) => (typeof sought === 'string' ? name(element) === sought : sought.test(name(element))))
      if (!found) throw new Error(`nothing is called ${String(sought)}; there is ${all.map(name).join(' | ')}`)
      ;(found.matches('label') ? (found.querySelector('input') as HTMLElement) : (found as HTMLElement)).click()
      await flushPromises()
    },
  }
}

/** Writes into what is labelled so. */
export async function fill(label: string, value: string): Promise<void> {
  const by = [...document.querySelectorAll('label')].find((element) => element.textContent?.trim() === label)
  const field = (by?.htmlFor ? document.getElementById(by.htmlFor) : document.querySelector(`[aria-label="${label}"]`)) as HTMLInputElement | null
  if (!field) throw new Error(`nothing is labelled ${label}`)
  field.value = value
  field.dispatchEvent(new Event('input', { bubbles: true }))
  field.dispatchEvent(new Event('change', { bubbles: true }))
  await flushPromises()
}

export async function sendForm(at = 0): Promise<void> {
  document.querySelectorAll('form')[at]?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }))
  await flushPromises()
}
