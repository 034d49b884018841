// Routes of the requirements that this server does not have yet: one place to adapt. Pages hide what answers 404.
import { call } from './client'
import type { Page } from './types'


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
