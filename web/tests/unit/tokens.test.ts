// The palette keeps WCAG 2.1 AA in both themes: 4.5 for text, 3 for edges of what can be used.
import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const css = readFileSync('src/styles/tokens.css', 'utf8')
const block = (selector: string): Record<string, string> => {
  const body = css.slice(css.indexOf(`${selector} {`)).split('}')[0] ?? ''
  return Object.fromEntries([...body.matchAll(/--c-([\w-]+):\s*([^;]+);/g)].map((match) => [match[1] ?? '', match[2] ?? '']))
}

function luminance(hex: string): number {
  const parts = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
  const [r = 0, g = 0, b = 0] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (high + 0.05) / (low + 0.05)
}

const dark = block(':root')
const light = { ...dark, ...block(":root[data-theme='light']") }

describe.each([['dark', dark], ['light', light]])('%s', (_, colours) => {
  const grounds = ['page', 'page-glow', 'surface-solid', 'raised']
  it.each(['text', 'muted', 'accent', 'error', 'success', 'warning'])('%s is read on every ground', (name) => {
    for (const ground of grounds) expect(contrast(colours[name] ?? '', colours[ground] ?? ''), ground).toBeGreaterThanOrEqual(4.5)
  })
  it('edges of inputs are seen', () => {
    for (const ground of grounds) expect(contrast(colours['edge'] ?? '', colours[ground] ?? ''), ground).toBeGreaterThanOrEqual(3)
  })
  it('white is read on every fill', () => {
    for (const fill of ['primary', 'primary-hover', 'danger', 'danger-hover']) expect(contrast('#ffffff', colours[fill] ?? '')).toBeGreaterThanOrEqual(4.5)
  })
})

it('the dark palette is that of the design (R-284)', () => {
  const wanted = { primary: '#614b00', 'primary-hover': '#735b00', page: '#000000', surface: 'rgb(0 0 0 / 0.5)', text: '#ffffff', muted: '#d1d5db', line: 'rgb(255 255 255 / 0.1)', error: '#ef4444', success: '#10b981' }
  expect(dark).toMatchObject(wanted)
})

describe('sizes', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.vue')).map((name) => [name, readFileSync(`src/${name}`, 'utf8')] as const)
  /** Every class of all components that the pattern finds, with the component's name. */
  const classes = (pattern: RegExp): string[] => sources.flatMap(([name, text]) => [...text.matchAll(pattern)].map((match) => `${name}: ${match[0]}`))

  it('spaces are 4, 8, 12, 16, 24, 32, 48 or 64 px, or half a step that moves an icon to its line (R-287)', () => {
    const spaces = /(?<=[\s"'`:-])(?:p|m|gap|space)[xytbse]?(?:-[xy])?-[\d.]+(?=[\s"'`])/g
    expect(classes(spaces).length).toBeGreaterThan(100)
    expect(classes(spaces).filter((found) => !/-(?:0|0\.5|1|2|3|4|6|8|12|16)$/.test(found))).toEqual([])
  })

  it('texts have one of six sizes (R-286)', () => {
    expect(classes(/(?<=[\s"'`:])text-(?:\[\d[^\]]*\]|[3-9]xl)/g)).toEqual([])
    const css = readFileSync('src/styles/main.css', 'utf8')
    expect([...css.matchAll(/--text-\w+: (\d+)px/g)].map((match) => Number(match[1]))).toEqual([12, 14, 16, 20, 24, 32])
  })
})
