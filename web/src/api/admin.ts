// What administrators do to accounts.
import { call } from './client'
import type { Page, Role, User } from './types'

export const users = (after?: string | null): Promise<Page<User>> => call('/admin/users', { query: { after, limit: 100 } })

export const changeUser = (id: string, body: { is_active?: boolean; role?: Role; plan?: string }): Promise<User> =>
  call(`/admin/users/${encodeURIComponent(id)}`, { method: 'PATCH', body })

/** Whole credits. The same key books once. */
export const adjustCredits = (id: string, credits: number, reason: string, key: string): Promise<void> =>
  call(`/admin/users/${encodeURIComponent(id)}/credits`, { method: 'POST', body: { credits, reason, key } })
