import { describe, expect, it } from 'vitest'
import { mergesText } from '../../../build/clip-merges'
import { paint, type Stroke } from '@/lib/brush'
import { ClipCounter, countPrompt } from '@/lib/clip'
import { fileName } from '@/lib/download'
import * as format from '@/lib/format'
import { readInfotext } from '@/lib/infotext'
import { inside } from '@/lib/inside'
import { justify } from '@/lib/layout'
import { readMetrics } from '@/lib/metrics'
import { parameterPairs, parametersText } from '@/lib/parameters'
import { pngTexts } from '@/lib/png'
import { styledPrompt } from '@/lib/styles'
import { accepted, question } from '@/lib/suggest'
import { picture, suggestion } from '../samples'

describe('CLIP tokens', () => {
  const counter = new ClipCounter(mergesText())
  // Ids' texts of transformers' CLIPTokenizer (openai/clip-vit-large-patch14).
  it.each([
    ['a photo of a cat', ['a</w>', 'photo</w>', 'of</w>', 'a</w>', 'cat</w>']],
    ["It's 2026!", ['it</w>', "'s</w>", '2</w>', '0</w>', '2</w>', '6</w>', '!</w>']],
    ['', []],
  ])('%s', (text, tokens) => expect(counter.tokens(text)).toEqual(tokens))

  it('splits what is no word of its own', () => {
    expect(counter.tokens('supercalifragilistic').join('')).toBe('supercalifragilistic</w>')
    expect(counter.tokens('supercalifragilistic').length).toBeGreaterThan(2)
    expect(counter.tokens('日本').length).toBeGreaterThan(1)
  })

  it('packs 75 to a chunk, and cuts after a comma near its end', () => {
    expect(countPrompt(counter, 'a '.repeat(75)).chunks.map((chunk) => chunk.tokens)).toEqual([75])
    expect(countPrompt(counter, 'a '.repeat(76)).chunks.map((chunk) => chunk.tokens)).toEqual([75, 1])
    const withComma = `${'a '.repeat(60)}, ${'b '.repeat(20)}`
    expect(countPrompt(counter, withComma).chunks.map((chunk) => chunk.tokens)).toEqual([61, 20])
    const tooEarly = `${'a '.repeat(50)}, ${'b '.repeat(30)}`
    expect(countPrompt(counter, tooEarly).chunks.map((chunk) => chunk.tokens)).toEqual([75, 6])
  })

  it('passes over what only weighs, and breaks at BREAK', () => {
    const count = countPrompt(counter, '(a cat:1.3) <lora:style:0.8> [dog] BREAK \\(bird\\)')
    expect(count.chunks).toEqual([
      { tokens: 3, text: 'a cat  dog' },
      { tokens: 3, text: '(bird)' },
    ])
    expect(count.tokens).toBe(6)
  })
})

describe('a parameters text', () => {
  const text = [
    'a castle, (detailed:1.2)',
    'second line',
    'Negative prompt: blurry, low',
    'Steps: 25, Sampler: DPM++ 2M SDE Karras, CFG scale: 6.5, Seed: 42, Size: 768x512, Model: "my, model", Clip skip: 2, Denoising strength: 0.4',
  ].join('\n')

  it('is read as A1111 writes it', () => {
    expect(readInfotext(text)).toEqual({
      prompt: 'a castle, (detailed:1.2)\nsecond line',
      negative_prompt: 'blurry, low',
      steps: 25,
      sampler: 'dpmpp_2m_sde',
      schedule: 'karras',
      guidance: 6.5,
      seed: 42,
      width: 768,
      height: 512,
      model: 'my, model',
      clip_skip: 1,
      strength: 0.4,
    })
  })

  it('is not seen where there is none', () => {
    expect(readInfotext('just: a caption')).toBeNull()
    expect(readInfotext('')).toBeNull()
  })

  it('reads back what we write', () => {
    const read = readInfotext(parametersText(picture({ prompt: 'a fox', parameters: { seed: 9, num_inference_steps: 4, sampler: 'euler_ancestral', schedule: 'karras', guidance_scale: 2, negative_prompt: 'fog' } })))
    expect(read).toMatchObject({ prompt: 'a fox', negative_prompt: 'fog', seed: 9, steps: 4, sampler: 'euler_ancestral', schedule: 'karras', guidance: 2 })
  })

  it('shows what is simple and new', () => {
    expect(parameterPairs(picture({ parameters: { seed: 1, prompt: 'x', loras: [], note: null } }))).toEqual([['seed', '1']])
  })
})

describe('PNG texts', () => {
  const chunk = (kind: string, data: number[]): number[] => [...[24, 16, 8, 0].map((shift) => (data.length >> shift) & 255), ...bytes(kind), ...data, 0, 0, 0, 0]
  const bytes = (text: string): number[] => [...new TextEncoder().encode(text)]
  const png = (...chunks: number[][]): Uint8Array => new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, ...chunks.flat(), ...chunk('IEND', [])])

  it('are read, whichever of the two kinds', () => {
    const texts = pngTexts(png(chunk('tEXt', [...bytes('parameters'), 0, 233]), chunk('iTXt', [...bytes('title'), 0, 0, 0, 0, 0, ...bytes('日')])))
    expect(Object.fromEntries(texts)).toEqual({ parameters: 'é', title: '日' })
  })

  it('are none where the file is broken, compressed, or no PNG', () => {
    expect(pngTexts(new Uint8Array([1, 2, 3])).size).toBe(0)
    expect(pngTexts(png(chunk('iTXt', [...bytes('a'), 0, 1, 0, 0, 0, 1]))).size).toBe(0)
    expect(pngTexts(png(chunk('tEXt', bytes('long text'))).slice(0, 20)).size).toBe(0)
  })
})

describe('rows of a gallery', () => {
  const shapes = Array.from({ length: 50 }, (_, index) => ({ width: 400 + (index % 3) * 200, height: 500 }))

  it('fill the width and hold everything once, in order', () => {
    const rows = justify(shapes, 1000, 200, 8)
    for (const row of rows.slice(0, -1)) {
      const width = row.items.reduce((sum, item) => sum + item.width, 0) + 8 * (row.items.length - 1)
      expect(width).toBeCloseTo(1000, 6)
      expect(row.height).toBeLessThanOrEqual(200)
    }
    expect(rows.flatMap((row) => row.items.map((item) => item.index))).toEqual(shapes.map((_, index) => index))
    expect(rows.at(-1)?.height).toBeLessThanOrEqual(200)
  })

  it('takes very long pictures and none at all', () => {
    expect(justify([{ width: 10_000, height: 1 }], 300, 200, 8)[0]?.items[0]?.width).toBeLessThanOrEqual(300)
    expect(justify([], 300, 200, 8)).toEqual([])
  })
})

describe('suggestions', () => {
  it('are asked for where something is begun, or after a comma', () => {
    expect(question('a cat, oi', 9)).toEqual({ typed: 'a cat, oi', skipped: 0 })
    expect(question('a cat, ', 7)?.typed).toBe('a cat, ')
    expect(question('猫，烛', 3)?.typed).toBe('猫，烛')
    expect(question('go, a cat', 2)?.typed).toBe('go')
    for (const little of ['', 'a', 'a cat, o', 'a cat\n']) expect(question(little, little.length)).toBeNull()
    expect(question('x'.repeat(700), 700)).toEqual({ typed: 'x'.repeat(500), skipped: 200 })
  })

  it('take the place of what was begun; the server counts characters', () => {
    expect(accepted('a 🦊, can, sky', 9, suggestion({ replaces_from: 5 }), 0)).toEqual({ text: 'a 🦊, candlelight, sky', caret: 17 })
    expect(accepted('a cat,', 6, suggestion({ replaces_from: 6 }), 0).text).toBe('a cat, candlelight')
    expect(accepted(`${'x'.repeat(10)}, ca`, 14, suggestion({ replaces_from: 4 }), 8).text).toBe(`${'x'.repeat(10)}, candlelight`)
    expect(accepted('a cat, lino', 11, suggestion({ kind: 'style', id: 'linocut', replaces_from: 7 }), 0)).toEqual({ text: 'a cat', caret: 5 })
  })
})

describe('a prompt in styles', () => {
  const one = { prompt: 'painting of {prompt} in fog, thick strokes, soft light' }
  const two = { prompt: 'film frame of {prompt} at night, soft light, grain' }
  // The same cases as crates/prompts/tests/apply.rs.
  it('is put together as the server does it', () => {
    expect(styledPrompt('a (red:1.2) fox, ', [one])).toBe('painting of a (red:1.2) fox in fog, thick strokes, soft light')
    expect(styledPrompt('a fox', [one, two])).toBe('film frame of painting of a fox in fog at night, thick strokes, soft light, grain')
    expect(styledPrompt('a photo of a fox, Soft Light', [one])).toBe('painting of a photo of a fox, Soft Light in fog, thick strokes')
    expect(styledPrompt('', [one])).toBe('painting in fog, thick strokes, soft light')
    expect(styledPrompt(' a fox , ', [])).toBe(' a fox , ')
  })
})

it('numbers, days and sizes are the language’s own', () => {
  expect(format.formatNumber(12345.5, 'ru')).toBe('12\u00a0345,5')
  expect(format.formatCredits('12.500000', 'en')).toBe('12.5')
  expect(format.formatMoney(999, 'en')).toBe('$9.99')
  expect(format.formatBytes(0, 'en')).toBe('0 byte')
  expect(format.formatBytes(1_500_000, 'en')).toBe('1.5 MB')
  expect(format.formatSeconds(5, 'en')).toBe('5 sec')
  expect(format.formatSeconds(130, 'en')).toBe('2 min 10 sec')
  expect(format.formatSeconds(1200, 'en')).toBe('20 min')
  const now = Date.parse('2026-11-28T12:00:00Z')
  expect(format.formatAgo('2026-11-28T09:00:00Z', 'en', now)).toBe('3 hours ago')
  expect(format.formatAgo('2026-11-28T11:59:50Z', 'en', now)).toBe('10 seconds ago')
  expect(format.formatAgo('2026-01-01T00:00:00Z', 'en', now)).toContain('2026')
  // A day is that day wherever it is read, and begins where its reader is; the last of a month is followed by the first.
  expect(format.formatDay('2026-11-28', 'en')).toBe('Nov 28, 2026')
  expect(format.dayBegins('2026-11-28')).toMatch(/^2026-11-2[78]T\d\d:\d\d:00Z$/)
  expect(new Date(format.dayBegins('2026-11-30', 1)).getTime()).toBe(new Date(2026, 11, 1).getTime())
  expect(format.formatPercent(0.125, 'ru')).toMatch(/^13\s%$/)
})

it('names of files are words and an id', () => {
  expect(fileName('A fox / ../ <b>日本</b>', '01890a5d-abcdef', 'jpeg')).toBe('A-fox-b-日本-b-abcdef.jpg')
  expect(fileName('***', 'abcdef', 'png')).toBe('easel-abcdef.png')
})

it('only places of ours are gone on to', () => {
  expect(inside('/gallery?x=1')).toBe('/gallery?x=1')
  for (const bad of ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', undefined, ['/a']]) expect(inside(bad)).toBe('/generate')
})

it('metrics are read, buckets left out', () => {
  const text = '# HELP x\neasel_queue{model="a"} 3\neasel_step_seconds_bucket{le="1"} 5\neasel_up 1\nbroken NaN'
  expect(readMetrics(text)).toEqual([
    { name: 'easel_queue', labels: 'model="a"', value: 3 },
    { name: 'easel_up', labels: '', value: 1 },
  ])
})

it('strokes are painted in their order, dots too, and erased', () => {
  const said: string[] = []
  const pen = {
    lineCap: '', lineJoin: '', lineWidth: 0, strokeStyle: '', globalCompositeOperation: '',
    beginPath: () => said.push('begin'),
    moveTo: (x: number, y: number) => said.push(`to ${x},${y}`),
    lineTo: (x: number, y: number) => said.push(`line ${x},${y}`),
    stroke: () => said.push(`stroke ${pen.globalCompositeOperation} ${pen.lineWidth}`),
  }
  const strokes: Stroke[] = [
    { points: [[1, 2], [3, 4]], width: 5, erases: false },
    { points: [[6, 7]], width: 8, erases: true },
  ]
  paint(pen as unknown as Parameters<typeof paint>[0], strokes, '#fff')
  expect(said).toEqual(['begin', 'to 1,2', 'line 3,4', 'stroke source-over 5', 'begin', 'to 6,7', 'line 6.01,7', 'stroke destination-out 8'])
})
