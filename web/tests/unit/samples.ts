// Rows as the server shows them.
import type { AdminJob, Archive, AuditRow, Case, Comment, Device, Job, Model, Picture, ProviderStanding, PublicPicture, Purchase, ServerNode, Style, Suggestion, User, WrittenPrompt } from '@/api/types'

let next = 0

export const user = (changes: Partial<User> = {}): User => ({
  id: 'u1',
  email: 'ada@example.org',
  username: 'ada',
  full_name: null,
  avatar_url: null,
  locale: null,
  role: 'user',
  plan: 'free',
  plan_ends_at: null,
  credits_balance: null,
  organization_id: null,
  is_active: true,
  is_verified: true,
  created_at: '2026-11-01T10:00:00Z',
  ...changes,
})

export const picture = (changes: Partial<Picture> = {}): Picture => {
  const id = changes.id ?? `p${next++}`
  return {
    id,
    job_id: 'j1',
    index: 0,
    url: `/api/v1/images/${id}/file`,
    thumbnail_url: `/api/v1/images/${id}/thumbnail`,
    width: 512,
    height: 512,
    format: 'png',
    bytes: 1000,
    sha256: '00',
    model: 'builtin',
    prompt: 'a red circle',
    title: null,
    blurhash: null,
    provider: null,
    sampler: 'euler_ancestral',
    mode: 'text_to_image',
    parameters: { seed: 7, num_inference_steps: 4, sampler: 'euler_ancestral', guidance_scale: 1.5 },
    is_public: false,
    shows_prompt: false,
    is_favourite: false,
    created_at: '2026-11-28T10:00:00Z',
    like_count: 0,
    comment_count: 0,
    view_count: 0,
    hidden_reason: null,
    published_at: null,
    deleted_at: null,
    purge_at: null,
    cost: null,
    generation_ms: null,
    ...changes,
  }
}

export const job = (changes: Partial<Job> = {}): Job => ({
  id: 'j1',
  task_no: 1,
  parent_id: null,
  batch_key: null,
  state: 'queued',
  model: 'builtin',
  request: {
    work: { kind: 'draw', model: 'builtin', prompt: 'a red circle', count: 1 },
    output: { format: 'png', quality: 'normal', compression: 95, lossless: true },
  },
  masked: [],
  images_wanted: 1,
  images_delivered: 0,
  unit_price: '1',
  progress: 0,
  attempt: 1,
  cancel_requested: false,
  served_by: null,
  callback_url: null,
  notify: null,
  error: null,
  created_at: '2026-11-28T10:00:00Z',
  started_at: null,
  estimated_completion_at: null,
  finished_at: null,
  updated_at: '2026-11-28T10:00:00Z',
  ...changes,
})

export const standing: ProviderStanding = {
  name: 'fal',
  kind: 'fal',
  region: 'us',
  models: ['fal-ai/flux/dev'],
  breaker: 'closed',
  open_until: null,
  succeeded: 7,
  failed: { transient: 2 },
  fallbacks: { model_missing: 9 },
  latency_seconds: 3.5,
  day: { spent_micros: 1_250_000, budget_micros: 5_000_000 },
  month: { spent_micros: 2_500_000, budget_micros: 50_000_000 },
}

export const model = (id: string): Model => ({
  id,
  family: 'sd1',
  width: 64,
  height: 64,
  size_multiple: 8,
  steps: 4,
  guidance: 1.5,
  sampler: 'euler_ancestral',
  schedule: 'normal',
  for_editing: false,
  tier: 'basic',
  available: true,
  unit_price: '1',
})

export const shown = (changes: Partial<PublicPicture> = {}): PublicPicture => ({
  id: 'p0',
  author: { id: 'u2', username: 'grace' },
  title: null,
  prompt: 'a red circle',
  model: 'builtin',
  url: '/api/v1/images/p0/public/file',
  thumbnail_url: '/api/v1/images/p0/public/thumbnail',
  width: 512,
  height: 512,
  format: 'png',
  blurhash: null,
  published_at: '2026-11-28T10:00:00Z',
  like_count: 3,
  comment_count: 1,
  view_count: 9,
  is_liked: false,
  ...changes,
})

export const said = (changes: Partial<Comment> = {}): Comment => ({
  id: 'c',
  image_id: 'p0',
  user_id: 'u2',
  username: 'grace',
  body: 'Lovely',
  created_at: '2026-11-28T10:00:00Z',
  ...changes,
})

export const reported = (changes: Partial<Case> = {}): Case => ({
  id: 'r',
  target_kind: 'image',
  target_id: 'p0',
  owner_id: 'u2',
  state: 'open',
  category: 'spam',
  report_count: 2,
  decision: null,
  reason: null,
  decided_by: null,
  appeal: null,
  overturned: null,
  opened_at: '2026-11-28T10:00:00Z',
  decided_at: null,
  ...changes,
})

export const style = (changes: Partial<Style> = {}): Style => ({
  id: 'ink',
  category: 'drawing',
  names: { en: 'Ink', zh: '水墨', ru: 'Тушь' },
  prompt: 'ink drawing of {prompt}, rice paper',
  negative_prompt: 'photo',
  tags: ['ink'],
  hash: '00',
  ...changes,
})

export const suggestion = (changes: Partial<Suggestion> = {}): Suggestion => ({
  shown: 'candlelight',
  prompt: 'candlelight',
  replaces_from: 0,
  kind: 'term',
  id: 'light-candlelight',
  ...changes,
})

export const written = (changes: Partial<WrittenPrompt> = {}): WrittenPrompt => ({
  id: 'w',
  prompt: 'a red circle',
  negative_prompt: 'fog',
  styles: ['ink'],
  job_id: 'j1',
  used_at: '2026-11-28T10:00:00Z',
  uses: 1,
  ...changes,
})

// ---- What administrators see.
export const queuedJob = (changes: Partial<AdminJob> = {}): AdminJob => ({
  id: 'j',
  organization_id: null,
  user_id: 'u2',
  state: 'queued',
  model: 'builtin',
  images_wanted: 2,
  images_delivered: 0,
  unit_price: '1',
  priority: 0,
  progress: 0.5,
  attempt: 1,
  worker: null,
  provider: null,
  error_code: null,
  created_at: '2026-11-28T10:00:00Z',
  started_at: null,
  finished_at: null,
  ...changes,
})

export const auditRow = (seq: number): AuditRow => ({
  seq,
  created_at: '2026-11-28T10:00:00Z',
  action: 'user.plan',
  actor_kind: 'user',
  actor_id: 'ada',
  target_kind: 'user',
  target_id: 'grace',
  user_agent: 'Firefox/140.0',
  request_id: null,
  detail: { plan: 'pro' },
  hash: '0123456789abcdef',
})

export const device: Device = {
  name: 'cpu',
  detail: 'two threads',
  state: 'up',
  models: ['builtin'],
  pictures: 1,
  weight_bytes: 28e6,
  weight_bytes_max: null,
  picture_bytes: 0,
  cache_bytes: 0,
}

export const node = (changes: Partial<ServerNode> = {}): ServerNode => ({
  id: 'n1',
  address: '10.0.0.7:8080',
  role: 'worker',
  version: '1.0.0',
  is_alive: true,
  started_at: '2026-11-28T10:00:00Z',
  heartbeat_at: '2026-11-28T10:00:00Z',
  devices: [{ name: 'cuda:0', detail: 'NVIDIA L4', is_up: true, models: ['sdxl', 'sd15'], weight_bytes: 7e9, weight_bytes_max: null }],
  ...changes,
})

export const archive = (changes: Partial<Archive> = {}): Archive => ({
  state: 'none',
  requested_at: null,
  started_at: null,
  finished_at: null,
  expires_at: null,
  bytes: null,
  url: null,
  url_expires_at: null,
  ...changes,
})

export const purchase = (changes: Partial<Purchase> = {}): Purchase => ({
  id: 'o',
  user_id: 'u1',
  kind: 'pack',
  product: 'credits-100',
  interval: null,
  credits: '100',
  amount_cents: 499,
  currency: 'usd',
  gave_nothing: false,
  provider: 'manual',
  state: 'pending',
  created_at: '2026-11-28T10:00:00Z',
  paid_at: null,
  ...changes,
})

/** What an order costs somebody who has five credits. */
export const quote = { model: 'm', images: 1, unit_price: '1', total: '2', available: '5', charged: true, backlog_seconds: 0 }
