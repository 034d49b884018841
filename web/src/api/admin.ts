// What administrators see of everybody, and do to accounts and models.
import { call } from './client'
import type { AdminJob, AuditRow, Comparison, Device, InstalledModel, JobState, OwnLimits, Page, Purchase, PurchaseState, Role, ServerNode, Setting, Totals, User } from './types'

/** Everybody, or those whose name or address begins so. */
export const users = (q: string, after?: string | null): Promise<Page<User>> => call('/admin/users', { query: { q, after, limit: 100 } })

export const changeUser = (id: string, body: { is_active?: boolean; role?: Role; plan?: string; plan_ends_at?: string }): Promise<User> =>
  call(`/admin/users/${encodeURIComponent(id)}`, { method: 'PATCH', body })

export const ownLimits = (id: string): Promise<OwnLimits> => call(`/admin/users/${encodeURIComponent(id)}/limits`)

/** All of them at once; with none, the plan's hold again. */
export const setOwnLimits = (id: string, limits: OwnLimits, reason: string): Promise<OwnLimits> =>
  call(`/admin/users/${encodeURIComponent(id)}/limits`, { method: 'PUT', body: { ...limits, reason } })

/** Whole credits. The same key books once. */
export const adjustCredits = (id: string, credits: number, reason: string, key: string): Promise<void> =>
  call(`/admin/users/${encodeURIComponent(id)}/credits`, { method: 'POST', body: { credits, reason, key } })

export const jobs = (state: JobState | '', cursor?: string | null): Promise<Page<AdminJob>> =>
  call('/admin/jobs', { query: { state: state || undefined, cursor, limit: 50 } })

export const audit = (cursor?: number | null): Promise<{ data: AuditRow[]; next: number | null }> =>
  call('/admin/audit', { query: { cursor: cursor ?? undefined, limit: 50 } })

export const devices = (): Promise<{ data: Device[] }> => call('/admin/devices')
export const models = (): Promise<{ data: InstalledModel[] }> => call('/admin/models')
export const moveModel = (id: string, verb: 'load' | 'unload'): Promise<void> =>
  call(`/admin/models/${encodeURIComponent(id)}/${verb}`, { method: 'POST' })

/** Those of the last day. */
export const nodes = (): Promise<{ data: ServerNode[] }> => call('/admin/nodes')

export const settings = (): Promise<{ data: Setting[] }> => call('/admin/config')
export const totals = (): Promise<Totals> => call('/admin/stats')

export const purchases = (state: PurchaseState | '', cursor?: string | null): Promise<Page<Purchase>> =>
  call('/admin/purchases', { query: { state: state || undefined, cursor, limit: 50 } })

export const settle = (id: string, verb: 'paid' | 'refund'): Promise<Purchase> =>
  call(`/admin/purchases/${encodeURIComponent(id)}/${verb}`, { method: 'POST' })

/** Day by day, the newest first. */
export const comparisons = (cursor?: number | null): Promise<{ data: Comparison[]; next: number | null }> =>
  call('/admin/payments/comparisons', { query: { cursor: cursor ?? undefined } })
