// What can draw here, the default first.
import { call } from './client'
import type { Model } from './types'

export const list = (): Promise<Model[]> => call('/models')
