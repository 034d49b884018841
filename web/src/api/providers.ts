// Whether prompts may leave this server, one's own accounts with image services, and what operators see of theirs.
import { call } from './client'
import type { ApiConfig, ApiConfigBody, External, ProviderStanding } from './types'

export const external = (): Promise<External> => call('/users/me/external')
export const setExternal = (body: External): Promise<External> => call('/users/me/external', { method: 'PUT', body })

export const list = (): Promise<ApiConfig[]> => call('/api-configs')
export const create = (body: ApiConfigBody): Promise<ApiConfig> => call('/api-configs', { method: 'POST', body })
export const change = (id: string, body: ApiConfigBody): Promise<ApiConfig> => call(`/api-configs/${encodeURIComponent(id)}`, { method: 'PUT', body })
export const test = (id: string): Promise<{ ok: boolean; code: string }> => call(`/api-configs/${encodeURIComponent(id)}/test`, { method: 'POST' })
export const remove = (id: string): Promise<void> => call(`/api-configs/${encodeURIComponent(id)}`, { method: 'DELETE' })

export const standings = (): Promise<{ enabled: boolean; data: ProviderStanding[] }> => call('/admin/providers')
export const setOpen = (name: string, verb: 'open' | 'close'): Promise<void> =>
  call(`/admin/providers/${encodeURIComponent(name)}/${verb}`, { method: 'POST' })
