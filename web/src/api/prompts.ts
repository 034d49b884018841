// What helps to write a prompt: styles, suggestions, enhancement, and what one wrote before.
import { call } from './client'
import type { BuiltPrompt, EnhancedPrompt, PromptTerm, RandomPrompt, Style, StyleCategory, StylePage, Suggestion, WrittenPrompt } from './types'

export interface StyleQuery {
  q?: string
  category?: string
  offset?: number
  limit?: number
}

export const styles = (query: StyleQuery): Promise<StylePage> => call('/styles', { query: { ...query } })
export const style = (id: string): Promise<Style> => call(`/styles/${encodeURIComponent(id)}`)
export const styleCategories = (): Promise<StyleCategory[]> => call('/styles/categories')

export const random = (): Promise<RandomPrompt> => call('/prompts/random')
export const suggest = (q: string, language: string, signal?: AbortSignal): Promise<Suggestion[]> =>
  call('/prompts/suggest', { query: { q, language, limit: 8 }, signal })

export const terms = (): Promise<PromptTerm[]> => call('/prompts/terms')
export interface PromptParts {
  subject: string
  medium: string
  composition: string
  light: string
  mood: string
  palette: string
  quality: string[]
}
export const build = (body: PromptParts): Promise<BuiltPrompt> => call('/prompts/build', { method: 'POST', body })

export interface EnhanceBody {
  prompt: string
  negative_prompt?: string
  styles?: string[]
  by?: 'rules' | 'model'
}
export const enhance = (body: EnhanceBody): Promise<EnhancedPrompt> => call('/prompts/enhance', { method: 'POST', body })

export const history = (): Promise<WrittenPrompt[]> => call('/prompts/history', { query: { limit: 50 } })
export const forget = (id: string): Promise<void> => call(`/prompts/history/${id}`, { method: 'DELETE' })
export const forgetAll = (): Promise<void> => call('/prompts/history', { method: 'DELETE' })
