// What somebody has: profile, sessions, keys, credits, use.
import { call } from './client'
import type { ApiKey, Balance, Page, Plan, Session, Transfer, UsageDay, User } from './types'

export type ProfileChange = Partial<Pick<User, 'username' | 'full_name' | 'locale'>>

export const changeProfile = (body: ProfileChange): Promise<User> => call('/users/me', { method: 'PATCH', body })

export const changePassword = (old: string, next: string): Promise<void> =>
  call('/users/me/password', { method: 'PUT', body: { old, new: next } })

export const exportEverything = (): Promise<unknown> => call('/users/me/export')

export const erase = (): Promise<void> => call('/users/me', { method: 'DELETE' })

export const usage = (from?: string, to?: string): Promise<UsageDay[]> => call('/users/me/stats', { query: { from, to } })

export const sessions = (): Promise<Session[]> => call('/users/me/sessions')

export const endSession = (id: string): Promise<void> => call(`/users/me/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' })

export const keys = (): Promise<ApiKey[]> => call('/api-keys')

export const createKey = (body: { name: string; scopes: string[]; expires_at?: string }): Promise<ApiKey & { key: string }> =>
  call('/api-keys', { method: 'POST', body })

export const revokeKey = (id: string): Promise<void> => call(`/api-keys/${encodeURIComponent(id)}`, { method: 'DELETE' })

export const balance = (): Promise<Balance> => call('/credits/balance')

export const history = (cursor?: string | null): Promise<Page<Transfer>> => call('/credits/history', { query: { cursor } })

export const plans = (): Promise<Plan[]> => call('/subscriptions/plans')
