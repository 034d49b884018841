// What somebody has: profile, sessions, keys, credits, use.
import { call } from './client'
import type { ApiKey, Archive, Balance, CurrentPlan, Interval, Ordered, Pack, Page, Plan, Purchase, Session, Source, Subscription, Transfer, UsageDay, User } from './types'

export type ProfileChange = Partial<Pick<User, 'username' | 'full_name' | 'locale'>>

export const changeProfile = (body: ProfileChange): Promise<User> => call('/users/me', { method: 'PATCH', body })

export const changePassword = (old: string, next: string): Promise<void> =>
  call('/users/me/password', { method: 'PUT', body: { old, new: next } })

/** The archive of everything about somebody: how far it is, and where to fetch it. */
export const archive = (): Promise<Archive> => call('/users/me/export')

/** Asks for one; it is written in the background. */
export const askForArchive = (): Promise<Archive> => call('/users/me/export', { method: 'POST' })

export const erase = (): Promise<void> => call('/users/me', { method: 'DELETE' })

export const usage = (from?: string, to?: string): Promise<UsageDay[]> => call('/users/me/stats', { query: { from, to } })

export const sessions = (): Promise<Session[]> => call('/users/me/sessions')

export const endSession = (id: string): Promise<void> => call(`/users/me/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' })

export const keys = (): Promise<ApiKey[]> => call('/api-keys')

/** What a key may be used for in a calendar month; null is any number. */
export type KeyCaps = Pick<ApiKey, 'jobs_monthly_max' | 'credits_monthly_max'>

export const createKey = (body: { name: string; scopes: string[]; expires_at?: string } & KeyCaps): Promise<ApiKey & { key: string }> =>
  call('/api-keys', { method: 'POST', body })

export const limitKey = (id: string, body: KeyCaps): Promise<ApiKey> => call(`/api-keys/${encodeURIComponent(id)}`, { method: 'PATCH', body })

export const revokeKey = (id: string): Promise<void> => call(`/api-keys/${encodeURIComponent(id)}`, { method: 'DELETE' })

export const balance = (): Promise<Balance> => call('/credits/balance')

export const history = (cursor?: string | null): Promise<Page<Transfer>> => call('/credits/history', { query: { cursor } })

export const plans = (): Promise<Plan[]> => call('/subscriptions/plans')

export const currentPlan = (): Promise<CurrentPlan> => call('/users/me/subscription')

/** What is paid for stays until its end, and may be kept after all until then. */
export const endSubscription = (): Promise<Subscription> => call('/subscriptions/cancel', { method: 'POST' })
export const keepSubscription = (): Promise<Subscription> => call('/subscriptions/resume', { method: 'POST' })

export const packs = (): Promise<{ data: Pack[] }> => call('/credits/packs')

/** Ordered now, paid at the address, given once it is paid. */
export const purchase = (pack: string): Promise<Ordered> => call('/credits/purchase', { method: 'POST', body: { pack } })

export const checkout = (plan: string, interval: Interval = 'month'): Promise<Ordered> =>
  call('/subscriptions/checkout', { method: 'POST', body: { plan, interval } })

export const purchases = (cursor?: string | null): Promise<Page<Purchase>> => call('/credits/purchases', { query: { cursor } })

/** The middle of a file, or of one of one's stored pictures. */
export function setAvatar(picture: File | Source): Promise<User> {
  if (!(picture instanceof File)) return call('/users/me/avatar', { method: 'PUT', body: picture })
  const form = new FormData()
  form.append('file', picture, picture.name)
  return call('/users/me/avatar', { method: 'PUT', body: form })
}

export const removeAvatar = (): Promise<void> => call('/users/me/avatar', { method: 'DELETE' })
