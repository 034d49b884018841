// The operator's papers, and what one has agreed to of them.
import { call } from './client'
import type { Consents, Paper } from './types'

/** What people agree to when they register; nothing where the operator asks for nothing. */
export const papers = (): Promise<Paper[]> => call('/legal')

export const consents = (): Promise<Consents> => call('/users/me/consents')

/** A paper is agreed to in the version that was shown. */
export const accepted = (shown: Paper[]): Accepted[] => shown.map(({ document, version }) => ({ document, version }))

export const agree = (shown: Paper[]): Promise<Consents> => call('/users/me/consents', { method: 'POST', body: { accept: accepted(shown) } })

export interface Accepted {
  document: string
  version: string
}
