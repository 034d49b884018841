// Jobs: what is being drawn, and what was.
import { call } from './client'
import type { Job, Page } from './types'

export const list = (cursor?: string | null, limit = 30): Promise<Page<Job>> => call('/jobs', { query: { cursor, limit } })

/** All of one batch, which is never more than a page. */
export const batch = (batch_key: string): Promise<Page<Job>> => call('/jobs', { query: { batch_key, limit: 100 } })

export const get = (id: string): Promise<Job> => call(`/jobs/${encodeURIComponent(id)}`)

export const cancel = (id: string): Promise<Job> => call(`/jobs/${encodeURIComponent(id)}/cancel`, { method: 'POST' })
