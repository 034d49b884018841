// Pictures: drawing, storing, looking.
import { BASE, address, call, proof, send } from './client'
import { earlyPictures } from './early'
import { ApiFailure, failureOf } from './failure'
import type { DrawingBody, Job, Page, Picture, Quote, Upload } from './types'

export interface PictureFilter {
  q?: string
  model?: string
  mode?: string
  since?: string
  until?: string
  favourite?: boolean
  trashed?: boolean
  public?: boolean
  tag?: string
  album?: string
  cursor?: string | null
  limit?: number
}

export const generate = (body: DrawingBody, key: string): Promise<Job> =>
  call('/images/generate', { method: 'POST', body, headers: { 'idempotency-key': key } })

export const quote = (body: DrawingBody, signal?: AbortSignal): Promise<Quote> =>
  call('/images/quote', { method: 'POST', body, signal })

/** Of an enlargement. */
export const quoteUpscale = (image_id: string, factor: number): Promise<Quote> =>
  call('/images/quote', { method: 'POST', body: { upscale: { image_id, factor } } })

export const list = async (filter: PictureFilter): Promise<Page<Picture>> =>
  (await earlyPictures(address('/images', { ...filter }).slice(BASE.length))) ?? call('/images', { query: { ...filter } })

export const get = (id: string): Promise<Picture> => call(`/images/${encodeURIComponent(id)}`)

export type PictureChange = Partial<Pick<Picture, 'title' | 'is_favourite' | 'tags'>>

export const change = (id: string, body: PictureChange): Promise<Picture> =>
  call(`/images/${encodeURIComponent(id)}`, { method: 'PATCH', body })

export const variations = (id: string, n: number): Promise<Job> =>
  call(`/images/${encodeURIComponent(id)}/variations`, { method: 'POST', body: { n } })

export const upscale = (id: string, factor: number): Promise<Job> =>
  call(`/images/${encodeURIComponent(id)}/upscale`, { method: 'POST', body: { factor } })

/** A stored picture's bytes. */
export async function file(url: string): Promise<Blob> {
  const response = await send(url, { headers: { accept: 'image/*' } })
  if (!response.ok) throw await failureOf(response)
  return response.blob()
}

/** Sends a file; `onProgress` is told how much of it is sent, 0 to 1. */
export function upload(blob: Blob, name: string, onProgress: (part: number) => void, signal?: AbortSignal): Promise<Upload> {
  const form = new FormData()
  form.append('file', blob, name)
  return new Promise((resolve, reject) => {
    // `fetch` does not tell how much has been sent.
    const request = new XMLHttpRequest()
    request.open('POST', address('/images/upload'))
    if (proof()) request.setRequestHeader('x-csrf-token', proof())
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total)
    request.onerror = () => reject(new ApiFailure(0, 'offline', 'the server cannot be reached'))
    request.onabort = () => reject(new DOMException('aborted', 'AbortError'))
    request.onload = () => {
      const response = new Response(request.responseText, { status: request.status })
      if (!response.ok) return void failureOf(response).then(reject)
      resolve(first(JSON.parse(request.responseText)))
    }
    signal?.addEventListener('abort', () => request.abort(), { once: true })
    request.send(form)
  })
}

/** A picture at another host's address, which the server fetches: nobody there learns who looks. */
export const proxied = (url: string): Promise<Blob> => file(address('/images/proxy', { url }))

function first(answer: Upload | Upload[] | { data: Upload[] }): Upload {
  const list = Array.isArray(answer) ? answer : 'data' in answer ? answer.data : [answer]
  const [one] = list
  if (!one) throw new ApiFailure(502, 'empty_answer', 'the server kept no picture')
  return one
}
