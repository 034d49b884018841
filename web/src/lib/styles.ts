// What the model will be told of a prompt in styles, to count its tokens: as the server puts it together (crates/prompts/src/apply.rs), which is what
// counts.
import type { Style } from '@/api/types'

const PLACE = '{prompt}'
const phrases = (text: string): string[] => text.split(/[,，、\n]/).map((phrase) => phrase.trim()).filter(Boolean)
const key = (phrase: string): string => phrase.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim()

/** The first style is nearest to the words; each phrase comes once. */
export function styledPrompt(words: string, styles: readonly Pick<Style, 'prompt'>[]): string {
  if (styles.length === 0) return words
  const own = words.trim().replace(/[,\s]+$/, '')
  const said = new Set(phrases(own).map(key))
  let before = ''
  let tails = ''
  const rest: string[] = []
  for (const { prompt } of styles) {
    const [head = '', behind = ''] = prompt.split(PLACE)
    const comma = behind.indexOf(',')
    before = head + before
    tails += comma < 0 ? behind : behind.slice(0, comma)
    for (const phrase of comma < 0 ? [] : phrases(behind.slice(comma + 1))) {
      if (!said.has(key(phrase))) rest.push(phrase)
      said.add(key(phrase))
    }
  }
  const head = own ? before : before.trimEnd().replace(/ of$/, '')
  return [`${head}${own}${tails}`.trim(), ...rest].filter(Boolean).join(', ')
}
