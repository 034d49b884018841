// The `parameters` text that A1111 made common: prompt, `Negative prompt: …`, and a last line of `Key: value` pairs.
import { SAMPLERS, SCHEDULES } from './catalogue'

/** What a picture was drawn with, as far as its text tells. */
export interface Recalled {
  prompt: string
  negative_prompt?: string
  model?: string
  steps?: number
  guidance?: number
  sampler?: string
  schedule?: string
  seed?: number
  width?: number
  height?: number
  clip_skip?: number
  strength?: number
}

const PAIR = /\s*([\w /-]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)/g

/** Reads a parameters text; null if it is none. */
export function readInfotext(text: string): Recalled | null {
  const lines = text.trim().split('\n')
  const last = lines.at(-1) ?? ''
  const hasPairs = [...last.matchAll(PAIR)].length >= 3
  const body = hasPairs ? lines.slice(0, -1) : lines
  const negativeAt = body.findIndex((line) => line.startsWith('Negative prompt:'))
  const prompt = (negativeAt < 0 ? body : body.slice(0, negativeAt)).join('\n').trim()
  const negative = negativeAt < 0 ? '' : body.slice(negativeAt).join('\n').slice('Negative prompt:'.length).trim()
  if (!hasPairs && negativeAt < 0) return null
  return { prompt, ...(negative ? { negative_prompt: negative } : {}), ...readPairs(hasPairs ? last : '') }
}

function readPairs(line: string): Omit<Recalled, 'prompt'> {
  const pairs = new Map([...line.matchAll(PAIR)].map((match) => [(match[1] ?? '').trim().toLowerCase(), unquoted(match[2] ?? '')]))
  const number = (name: string): number | undefined => {
    const value = Number(pairs.get(name))
    return pairs.has(name) && Number.isFinite(value) ? value : undefined
  }
  const size = /^(\d+)x(\d+)$/.exec(pairs.get('size') ?? '')
  const clip = number('clip skip')
  return defined({
    model: pairs.get('model'),
    steps: number('steps'),
    guidance: number('cfg scale'),
    ...readSampler(pairs.get('sampler') ?? '', pairs.get('schedule type')),
    seed: number('seed'),
    width: size ? Number(size[1]) : undefined,
    height: size ? Number(size[2]) : undefined,
    // There it counts layers, here the layers that are left out.
    clip_skip: clip === undefined ? undefined : Math.max(0, clip - 1),
    strength: number('denoising strength'),
  })
}

/** "DPM++ 2M Karras", or the two apart. */
function readSampler(name: string, schedule: string | undefined): Pick<Recalled, 'sampler' | 'schedule'> {
  const same = (a: string) => (b: { id: string; title: string }) => [b.id, b.title].some((known) => simple(known) === simple(a))
  const joined = SCHEDULES.find((known) => simple(name).endsWith(simple(known.title)) && simple(name) !== simple(known.title))
  const bare = joined ? name.slice(0, name.length - joined.title.length) : name
  return defined({
    sampler: (SAMPLERS.find(same(name)) ?? SAMPLERS.find(same(bare)))?.id,
    schedule: (SCHEDULES.find(same(schedule ?? '')) ?? joined)?.id,
  })
}

const simple = (text: string): string => text.toLowerCase().replace(/[^a-z0-9+]/g, '')

const unquoted = (text: string): string => (text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text.trim())

function defined<T extends object>(from: T): T {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as T
}
