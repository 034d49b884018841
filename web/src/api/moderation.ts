// What people reported, and what moderators decide.
import { address, call } from './client'
import type { Case, OwnCase, Page, Report } from './types'

export const DECISIONS = ['approve', 'hide', 'remove', 'warn', 'ban'] as const
export type Decision = (typeof DECISIONS)[number]

const one = (id: string): string => `/admin/moderation/${encodeURIComponent(id)}`

/** What waits, the most urgent first. */
export const queue = (cursor?: string | null): Promise<Page<Case>> => call('/admin/moderation', { query: { cursor } })
export const detail = (id: string): Promise<{ case: Case; reports: Report[] }> => call(one(id))
/** The reason is for the owner to read. */
export const decide = (id: string, decision: Decision, reason: string): Promise<void> =>
  call(`${one(id)}/decision`, { method: 'POST', body: { decision, reason } })
/** What its owner objected to: stays, or is taken back. */
export const close = (id: string, overturn: boolean): Promise<void> => call(`${one(id)}/close`, { method: 'POST', body: { overturn } })
/** The picture a case is about, hidden or not. */
export const thumbnailOf = (id: string): string => address(`${one(id)}/thumbnail`)

/** What was decided about one's own, the latest first. */
export const ownCases = (): Promise<Page<OwnCase>> => call('/users/me/cases', { query: { limit: 100 } })
/** Once for each decision. */
export const appeal = (id: string, text: string): Promise<void> => call(`/users/me/cases/${encodeURIComponent(id)}/appeal`, { method: 'POST', body: { text } })
