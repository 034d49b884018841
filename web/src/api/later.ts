// Routes of the requirements whose server side was not there when this was written: one place to adapt. Pages hide what answers 404.
import { call } from './client'
import type { Page, Picture, User } from './types'

// ---- What the server offers and how people get in.
export interface PublicConfig {
  registration: boolean
  billing: boolean
  needs_setup: boolean
  oauth: { id: string; title: string }[]
  max_upload_bytes: number
}
export const publicConfig = (): Promise<Partial<PublicConfig>> => call('/config/public')
export const oauthAddress = (provider: string): string => `/api/v1/auth/oauth/${encodeURIComponent(provider)}`
export const setup = (body: { email: string; password: string; username?: string; token?: string }): Promise<User> =>
  call('/setup', { method: 'POST', body })

// ---- Styles.
export interface Style {
  id: string
  name: string
  category: string
  prompt: string
  negative_prompt: string | null
}
export const styles = (q: string, category?: string): Promise<Page<Style>> =>
  call('/styles', { query: { q, category, limit: 60 } })

// ---- Publishing and bulk.
export const publish = (id: string): Promise<void> => call(`/images/${id}/public`, { method: 'POST' })
export const unpublish = (id: string): Promise<void> => call(`/images/${id}/public`, { method: 'DELETE' })
export type BulkAction = 'delete' | 'publish' | 'unpublish' | 'favourite' | 'restore' | 'add_to_album'
export const bulk = (action: BulkAction, ids: string[], album_id?: string): Promise<{ data: { id: string; error: string | null }[] }> =>
  call('/images/bulk', { method: 'POST', body: { action, ids, ...(album_id ? { album_id } : {}) } })
export const share = (id: string): Promise<{ url: string }> => call(`/images/${id}/share`, { method: 'POST' })
export const report = (id: string, reason: string): Promise<void> => call(`/images/${id}/report`, { method: 'POST', body: { reason } })

// ---- Albums.
export interface Album {
  id: string
  name: string
  images: number
}
export const albums = (): Promise<Page<Album>> => call('/albums')
export const createAlbum = (name: string): Promise<Album> => call('/albums', { method: 'POST', body: { name } })

// ---- Everybody's pictures.
export interface PublicPicture extends Omit<Picture, 'is_favourite' | 'is_public' | 'job_id' | 'deleted_at'> {
  author: { username: string; full_name: string | null }
  likes: number
  is_liked: boolean
}
export const explore = (sort: 'trending' | 'recent', q: string, cursor?: string | null): Promise<Page<PublicPicture>> =>
  call('/images/public', { query: { sort, q, cursor, limit: 40 } })
export const publicPicture = (id: string): Promise<PublicPicture> => call(`/images/public/${encodeURIComponent(id)}`)
export const like = (id: string): Promise<void> => call(`/images/${id}/like`, { method: 'PUT' })
export const unlike = (id: string): Promise<void> => call(`/images/${id}/like`, { method: 'DELETE' })
export interface Comment {
  id: string
  text: string
  author: { username: string }
  created_at: string
}
export const comments = (id: string): Promise<Page<Comment>> => call(`/images/${id}/comments`)
export const comment = (id: string, text: string): Promise<Comment> => call(`/images/${id}/comments`, { method: 'POST', body: { text } })

// ---- Plans and credits.
export interface Pack {
  id: string
  credits: string
  price_cents: number
}
export const packs = (): Promise<Page<Pack>> => call('/credits/packs')
export const checkout = (plan: string): Promise<{ url: string }> => call('/subscriptions/checkout', { method: 'POST', body: { plan, interval: 'month' } })
export const purchase = (pack: string): Promise<{ url: string }> => call('/credits/purchase', { method: 'POST', body: { pack } })

// ---- Somebody's own providers.
export interface ProviderConfig {
  id: string
  name: string
  provider: string
  endpoint: string | null
  key_hint: string
}
export const providers = (): Promise<Page<ProviderConfig>> => call('/api-configs')
export const createProvider = (body: { name: string; provider: string; endpoint?: string; key: string }): Promise<ProviderConfig> =>
  call('/api-configs', { method: 'POST', body })
export const testProvider = (id: string): Promise<{ ok: boolean; message: string }> => call(`/api-configs/${id}/test`, { method: 'POST' })
export const removeProvider = (id: string): Promise<void> => call(`/api-configs/${id}`, { method: 'DELETE' })

// ---- Administration.
export interface Report {
  id: string
  image: PublicPicture
  reason: string
  created_at: string
}
export const moderation = (cursor?: string | null): Promise<Page<Report>> => call('/admin/moderation', { query: { cursor } })
export const decide = (id: string, decision: 'hide' | 'keep'): Promise<void> =>
  call(`/admin/moderation/${id}`, { method: 'POST', body: { decision } })
/** Rows whose columns are the server's own: shown as they come. */
export type Row = Record<string, string | number | boolean | null>
export const adminRows = (what: 'jobs' | 'devices' | 'models' | 'audit', cursor?: string | null): Promise<Page<Row>> =>
  call(`/admin/${what}`, { query: { cursor } })
export const adminDocument = (what: 'config' | 'stats'): Promise<Record<string, unknown>> => call(`/admin/${what}`)
export const adminModel = (id: string, verb: 'load' | 'unload'): Promise<void> =>
  call(`/admin/models/${encodeURIComponent(id)}/${verb}`, { method: 'POST' })
