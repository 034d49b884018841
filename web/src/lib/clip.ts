// CLIP's byte-pair tokenizer (Radford et al. 2021), as the server's `crates/models/src/prompt` reads prompts: NFC, lower case; words, single
// digits and runs of other signs apart; bytes as letters; `</w>` at the end of a word. It only counts and says where tokens end.

const WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/giu

/** The letter of each byte, as GPT-2 chose them. */
function byteLetters(): string[] {
  const letters: string[] = []
  let next = 256
  for (let byte = 0; byte < 256; byte++) {
    const shown = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    letters.push(String.fromCharCode(shown ? byte : next++))
  }
  return letters
}

export class ClipCounter {
  private readonly ranks = new Map<string, number>()
  private readonly letters = byteLetters()
  private readonly cache = new Map<string, string[]>()

  /** Of one merge per line, the first the strongest. */
  constructor(merges: string) {
    merges.split('\n').forEach((line, rank) => this.ranks.set(line, rank))
  }

  /** The tokens of a text. */
  tokens(text: string): string[] {
    const words = text.normalize('NFC').toLowerCase().match(WORDS) ?? []
    return words.flatMap((word) => this.word(word))
  }

  private word(word: string): string[] {
    const known = this.cache.get(word)
    if (known) return known
    const bytes = [...new TextEncoder().encode(word)]
    const parts = bytes.map((byte) => this.letters[byte] ?? '')
    parts[parts.length - 1] += '</w>'
    const merged = this.merge(parts)
    if (this.cache.size > 5000) this.cache.clear()
    this.cache.set(word, merged)
    return merged
  }

  private merge(parts: string[]): string[] {
    for (;;) {
      let best = Infinity
      let at = -1
      for (let index = 0; index + 1 < parts.length; index++) {
        const rank = this.ranks.get(`${parts[index]} ${parts[index + 1]}`) ?? Infinity
        if (rank < best) [best, at] = [rank, index]
      }
      if (at < 0) return parts
      parts.splice(at, 2, `${parts[at]}${parts[at + 1]}`)
    }
  }
}

/** A prompt as the text encoder takes it. */
export interface PromptCount {
  tokens: number
  /** One for each chunk: how many of its 75 places are taken, and its text. */
  chunks: { tokens: number; text: string }[]
}

const CHUNK = 75
/** A full chunk is cut after a comma if there is one among its last tokens. */
const BACKTRACK = 20

interface Piece {
  token: string
  text: string
}

/** Counts a prompt's tokens and packs them into chunks by A1111's rules. */
export function countPrompt(counter: ClipCounter, prompt: string): PromptCount {
  const chunks: Piece[][] = []
  let open: Piece[] = []
  const close = (): void => {
    chunks.push(open)
    open = []
  }
  for (const part of readable(prompt)) {
    if (part === null) {
      close()
      continue
    }
    for (const piece of pieces(counter, part)) {
      if (open.length === CHUNK) {
        const comma = open.findLastIndex((kept) => kept.token === ',</w>')
        const cut = comma >= CHUNK - BACKTRACK ? comma + 1 : CHUNK
        const moved = open.splice(cut)
        close()
        open = moved
      }
      open.push(piece)
    }
  }
  if (open.length || chunks.length === 0) close()
  const counted = chunks.map((chunk) => ({ tokens: chunk.length, text: chunk.map((piece) => piece.text).join('').trim() }))
  return { tokens: counted.reduce((sum, chunk) => sum + chunk.tokens, 0), chunks: counted }
}

/** The prompt's texts without the marks that weigh them; null is where `BREAK` stands. */
function readable(prompt: string): (string | null)[] {
  const plain = prompt
    .replace(/<(?:lora|lyco):[^>]*>/g, '')
    .replace(/\\([()[\]\\])|:\s*[+-]?[\d.]+\s*\)|[()[\]]/g, (_, escaped: string | undefined) => escaped ?? '')
  return plain.split(/\s*\bBREAK\b\s*/).flatMap((text, index) => (index ? [null, text] : [text]))
}

/** Tokens with the text they stand for; blanks go with the word after them. */
function pieces(counter: ClipCounter, text: string): Piece[] {
  const found: Piece[] = []
  let end = 0
  for (const match of text.matchAll(WORDS)) {
    const shown = text.slice(end, match.index + match[0].length)
    end = match.index + match[0].length
    counter.tokens(match[0]).forEach((token, index) => found.push({ token, text: index ? '' : shown }))
  }
  return found
}
