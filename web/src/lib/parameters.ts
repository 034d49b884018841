// What a picture was drawn with, for people and for other programs.
import type { Picture, Template } from '@/api/types'
import { SAMPLERS, SCHEDULES } from './catalogue'
import type { Recalled } from './infotext'

const SHOWN_ELSEWHERE = new Set(['prompt', 'model', 'width', 'height', 'task', 'mode', 'provider_kind', 'fallback_reason'])

/** Name and value of what is known. */
export function parameterPairs(picture: Picture): [string, string][] {
  return Object.entries(picture.parameters).flatMap(([name, value]): [string, string][] => {
    if (SHOWN_ELSEWHERE.has(name) || value === null || value === '' || typeof value === 'object') return []
    return [[name, String(value)]]
  })
}

/** As A1111 writes it, so that it can be pasted there. */
export function parametersText(picture: Picture): string {
  const known = picture.parameters
  const title = (list: { id: string; title: string }[], id: unknown): unknown => list.find((entry) => entry.id === id)?.title ?? id
  const pairs: [string, unknown][] = [
    ['Steps', known['num_inference_steps']],
    ['Sampler', title(SAMPLERS, known['sampler'])],
    ['Schedule type', title(SCHEDULES, known['schedule'])],
    ['CFG scale', known['guidance_scale']],
    ['Seed', known['seed']],
    ['Size', `${picture.width}x${picture.height}`],
    ['Model', picture.model],
    ['Denoising strength', known['strength']],
  ]
  const line = pairs.filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => `${name}: ${String(value)}`)
  const negative = known['negative_prompt'] ? [`Negative prompt: ${String(known['negative_prompt'])}`] : []
  return [picture.prompt, ...negative, line.join(', ')].join('\n')
}

/** Somebody's picture as the form takes it, to draw the like of it: not the same one, so without its seed. */
export function recalledOf({ prompt, model, width, height, parameters }: Template): Recalled {
  const number = (name: string): number | undefined => (typeof parameters[name] === 'number' ? parameters[name] : undefined)
  const text = (name: string): string | undefined => (typeof parameters[name] === 'string' ? parameters[name] : undefined)
  return {
    prompt,
    model,
    width,
    height,
    negative_prompt: text('negative_prompt'),
    steps: number('num_inference_steps'),
    guidance: number('guidance_scale'),
    sampler: text('sampler'),
    schedule: text('schedule'),
    clip_skip: number('clip_skip'),
  }
}
