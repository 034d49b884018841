// What is installed, the default first.
import { call } from './client'
import type { Model } from './types'

export const list = async (): Promise<Model[]> => (await call<{ data: Model[] }>('/v1/models')).data

/** Width and height of `512x512`. */
export function nativeSize(model: Model | undefined): [number, number] {
  const [width = NaN, height = NaN] = (model?.native_size ?? '').split('x').map(Number)
  return Number.isFinite(width) && Number.isFinite(height) ? [width, height] : [512, 512]
}
