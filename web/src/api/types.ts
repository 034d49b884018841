// The shapes of the API, by the names the pages use. This file follows docs/openapi.json: nothing else names a schema.

export interface User {
  id: string
  email: string
  username: string
  full_name: string | null
  locale: string | null
  role: Role
  plan: string
  plan_ends_at: string | null
  is_active: boolean
  is_verified: boolean
  created_at: string
}

export type Role = 'user' | 'moderator' | 'admin' | 'superuser'

export interface Page<T> {
  data: T[]
  next: string | null
}

export type JobState = 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled'

/** A stored picture to start from. */
export interface Source {
  from: 'image' | 'upload'
  id: string
}

/** What is to be drawn; what is left out is the model's own default. */
export interface DrawingBody {
  prompt: string
  negative_prompt?: string
  model?: string
  n?: number
  width?: number
  height?: number
  aspect_ratio?: string
  quality?: Quality
  steps?: number
  guidance?: number
  sampler?: string
  schedule?: string
  eta?: number
  clip_skip?: number
  seed?: number
  image?: Source
  mask?: Source
  strength?: number
  format?: OutputFormat
  compression?: number
  lossless?: boolean
}

export type Quality = 'normal' | '2k' | '4k'
export type OutputFormat = 'png' | 'jpeg' | 'webp'

/** What a job keeps of it. */
export interface Drawing {
  model: string
  prompt: string
  negative_prompt?: string
  width?: number
  height?: number
  steps?: number
  guidance?: number
  sampler?: string
  schedule?: string
  eta?: number
  clip_skip?: number
  seed?: number
  count: number
  start?: Source
  mask?: Source
  strength?: number
}

export interface Order {
  work: ({ kind: 'draw' } & Drawing) | { kind: 'upscale'; source: Source; factor: number }
  output: { format: OutputFormat; quality: Quality; compression: number; lossless: boolean }
}

export interface Job {
  id: string
  state: JobState
  model: string
  request: Order
  images_wanted: number
  images_delivered: number
  unit_price: string
  progress: number
  attempt: number
  cancel_requested: boolean
  error: { code: string; message: string } | null
  created_at: string
  started_at: string | null
  finished_at: string | null
  images?: Picture[]
}

export interface Picture {
  id: string
  job_id: string
  index: number
  url: string
  thumbnail_url: string | null
  width: number
  height: number
  format: string
  bytes: number
  sha256: string
  model: string
  prompt: string
  title: string | null
  blurhash: string | null
  parameters: Record<string, unknown>
  is_public: boolean
  is_favourite: boolean
  created_at: string
  deleted_at: string | null
}

export interface Upload {
  id: string
  width: number
  height: number
  format: string
  bytes: number
  created_at: string
}

export interface Quote {
  model: string
  images: number
  unit_price: string
  total: string
  available: string
  charged: boolean
  backlog_seconds: number
}

/** What happens to a job, as the socket and the event stream tell it. */
export type What =
  | { type: 'queued' }
  | { type: 'waiting'; position: number; seconds_left: number }
  | { type: 'started' }
  | { type: 'step'; index: number; total: number; seconds_left: number }
  | { type: 'preview'; picture: number; jpeg: string }
  | { type: 'decoded'; index: number; total: number }
  | { type: 'cancel_requested' }
  | { type: 'ended'; state: JobState }

export interface Model {
  id: string
  family: string
  native_size: string
}

export interface Balance {
  available: string
  pending: string
  earned: string
  spent: string
  metered: string
  grants: { source: string; amount: string; remaining: string; expires_at: string | null }[]
}

export interface Transfer {
  id: string
  kind: string
  amount: string
  posted_after: string
  job_id: string | null
  reason: string
  created_at: string
}

export interface UsageDay {
  day: string
  jobs: number
  images: number
  credits: string
  bytes: number
  gpu_ms: number
}

export interface Session {
  id: string
  user_agent: string | null
  ip: string | null
  created_at: string
  last_used_at: string
  expires_at: string
  is_current: boolean
}

export interface ApiKey {
  id: string
  name: string
  prefix: string
  scopes: string[]
  created_at: string
  expires_at: string | null
  last_used_at: string | null
  revoked_at: string | null
}
