// Routes of the requirements that this server does not have yet: one place to adapt. Pages hide what answers 404.
import { call } from './client'
import type { Page } from './types'

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

// ---- Buying plans and credits.
export interface Pack {
  id: string
  credits: string
  price_cents: number
}
export const packs = (): Promise<Page<Pack>> => call('/credits/packs')
export const checkout = (plan: string): Promise<{ url: string }> => call('/subscriptions/checkout', { method: 'POST', body: { plan, interval: 'month' } })
export const purchase = (pack: string): Promise<{ url: string }> => call('/credits/purchase', { method: 'POST', body: { pack } })
