// The text a picture carries: PNG's `tEXt` and `iTXt` chunks (W3C PNG, 11.3.3), of which `parameters` holds what it was drawn with.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10]

/** Keywords and texts of a PNG; nothing of anything else. Compressed texts are passed over. */
export function pngTexts(bytes: Uint8Array): Map<string, string> {
  const texts = new Map<string, string>()
  if (!SIGNATURE.every((byte, index) => bytes[index] === byte)) return texts
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at)
    const data = bytes.subarray(at + 8, at + 8 + length)
    if (data.length < length) break
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    const read = kind === 'tEXt' ? plainText(data) : kind === 'iTXt' ? internationalText(data) : null
    if (read) texts.set(...read)
    if (kind === 'IDAT' || kind === 'IEND') {
      // What follows the pixels is read too, but never twice the file.
      if (kind === 'IEND') break
    }
    at += 12 + length
  }
  return texts
}

function plainText(data: Uint8Array): [string, string] | null {
  const zero = data.indexOf(0)
  if (zero < 1) return null
  const latin = new TextDecoder('latin1')
  return [latin.decode(data.subarray(0, zero)), latin.decode(data.subarray(zero + 1))]
}

function internationalText(data: Uint8Array): [string, string] | null {
  const zero = data.indexOf(0)
  if (zero < 1 || data[zero + 1] !== 0) return null
  const language = data.indexOf(0, zero + 3)
  const translated = data.indexOf(0, language + 1)
  if (language < 0 || translated < 0) return null
  return [new TextDecoder('latin1').decode(data.subarray(0, zero)), new TextDecoder().decode(data.subarray(translated + 1))]
}
